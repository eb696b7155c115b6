;;; unflub.el --- Ask before a thank-you note explains a flub  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT
;; Version: 0.1
;; Package-Requires: ((emacs "26.1"))
;; Keywords: mail

;;; Commentary:

;; With `unflub-mode' each message is checked when you send it, in message-mode, and so in mu4e,
;; notmuch and Gnus, and in mail-mode.  A thank-you note after a job interview that explains a flub
;; is asked about: go back to the passage, send it anyway, or call it no flub, which is remembered.
;; Where the command `unflub' is missing, broken or slow the mail goes, and a warning says so once.
;; Nothing is ever written into the message.
;;
;;   (add-to-list 'load-path "/path/to/unflub/plugins/emacs")
;;   (require 'unflub)
;;   (unflub-mode 1)

;;; Code:

(require 'json)
(require 'mail-utils)
(require 'sendmail)

(defgroup unflub nil
  "Ask before a thank-you note explains a flub."
  :group 'mail)

(defcustom unflub-command '("unflub")
  "The command, as a list of the program and its first arguments."
  :type '(repeat string))

(defcustom unflub-preset nil
  "How sure unflub must be before it speaks up; nil is as unflub is configured."
  :type '(choice (const :tag "As configured" nil) (const "cautious") (const "balanced")
                 (const "strict")))

(defcustom unflub-patience 20
  "Seconds to wait for a verdict; then the mail goes without."
  :type 'number)

(defvar unflub--trouble nil
  "Why the last message was not checked, which is told once; nil where it was.")

(defun unflub--message ()
  "Return the message in this buffer, encoded, in a form fit for unflub."
  (let ((text (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max)))))
    (with-temp-buffer
      (insert text)
      (goto-char (point-min))
      (when (re-search-forward (concat "^" (regexp-quote mail-header-separator) "$") nil t)
        (replace-match "" t t))
      ;; Attachments and the like, which nobody wrote.
      (while (re-search-forward "^<#/?[a-z]+[^>\n]*>\n?" nil t)
        (replace-match "" t t))
      (encode-coding-string (buffer-string) 'utf-8))))

(defun unflub--let-through-p ()
  "Return non-nil where a header field of the message lets it through."
  (save-excursion
    (save-restriction
      (widen)
      (rfc822-goto-eoh)
      (narrow-to-region (point-min) (point))
      (equal (mail-fetch-field "X-Unflub") "send"))))

(defun unflub--run (input &rest arguments)
  "Run unflub with ARGUMENTS on INPUT; return exit status and output.
Signal an error where it cannot be run or takes too long."
  (with-temp-buffer
    (let* ((default-directory "/")      ; that of the buffer may be gone
           (coding-system-for-write 'binary)
           (coding-system-for-read 'utf-8)
           (process (make-process :name "unflub" :buffer (current-buffer) :noquery t
                                  :connection-type 'pipe :sentinel #'ignore
                                  :stderr (get-buffer-create " *unflub trouble*")
                                  :command (append unflub-command arguments))))
      (unwind-protect
          (progn
            ;; Where the command reads nothing, sending to it blocks, too.
            (with-timeout (unflub-patience (error "It takes too long"))
              (process-send-string process input)
              (process-send-eof process)
              (while (process-live-p process)
                (accept-process-output process 0.05)))
            (while (accept-process-output process 0.05))
            (list (process-exit-status process) (buffer-string)))
        (when (process-live-p process)
          (delete-process process))
        (kill-buffer " *unflub trouble*")))))

(defun unflub--tell (trouble)
  "Warn of TROUBLE; in the echo area sending itself would soon have the last word."
  (display-warning 'unflub trouble))

(defun unflub--check (input form)
  "Check INPUT; return the findings in FORM, or nil where there are none.
Signal an error where unflub gives no verdict."
  (pcase-let ((`(,status ,output)
               (apply #'unflub--run input "check" "--skip-dismissed" "--format" form
                      (and unflub-preset (list "--preset" unflub-preset)))))
    (pcase status
      (0 nil)
      (1 output)
      (5 nil)                           ; it is encrypted, or in another language
      (_ (unflub--failed status)))))

(defun unflub--failed (status)
  "Signal an error that the command ended with STATUS."
  (error "The command ended with status %s; try `unflub doctor'" status))

(defun unflub--passages (record)
  "Return the texts of the passages in RECORD, a line of JSON."
  (let ((json-object-type 'alist) (json-array-type 'list))
    (mapcar (lambda (passage) (alist-get 'text passage))
            (alist-get 'passages (json-read-from-string record)))))

(defun unflub--go-to (passage)
  "Put point where PASSAGE begins, however its lines are filled."
  (goto-char (point-min))
  (when (re-search-forward (mapconcat #'regexp-quote (split-string passage) "[ \t\n]+") nil t)
    (goto-char (match-beginning 0))))

(defun unflub--ask (report)
  "Show REPORT and ask what to do; return one of the characters b, s and n."
  (save-window-excursion
    (with-current-buffer (get-buffer-create "*unflub*")
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert report)
        (goto-char (point-min))
        (special-mode))
      (display-buffer (current-buffer)))
    (unwind-protect
        (car (read-multiple-choice "unflub: this note explains a flub."
                                   '((?b "back to edit" "Go to the first passage")
                                     (?s "send anyway" "Send it as it is")
                                     (?n "not a flub" "Send it, and do not bring it up again"))))
      (kill-buffer "*unflub*"))))

(defun unflub--try (input)
  "Find what there is to ask about in INPUT: a list of the passages and a report.
Return nil where there is nothing, or no verdict; a warning tells that once."
  (condition-case trouble
      (let* ((record (unflub--check input "jsonl"))
             (texts (and record (unflub--passages record))))
        (setq unflub--trouble nil)
        (when record
          ;; What was found is asked about, also where the report of it cannot be had.
          (list texts (or (ignore-errors (unflub--check input "text"))
                          (mapconcat #'identity texts "\n\n")))))
    (error (unless (equal trouble unflub--trouble)
             (unflub--tell (format "sent without a check: %s" (error-message-string trouble))))
           (setq unflub--trouble trouble)
           nil)))

(defun unflub--dismiss (input)
  "Remember that the findings in INPUT are no flubs."
  (condition-case trouble
      (let ((status (car (apply #'unflub--run input "dismiss"
                                (and unflub-preset (list "--preset" unflub-preset))))))
        (unless (eq status 0)
          (unflub--failed status)))
    (error (unflub--tell (format "not remembered: %s" (error-message-string trouble))))))

;;;###autoload
(defun unflub-before-send ()
  "Ask about the message in this buffer where it explains a flub.
Signal an error, which keeps it from being sent, where the user goes back."
  (unless (unflub--let-through-p)
    (let* ((input (unflub--message))
           (found (unflub--try input)))
      (when found
        (pcase (unflub--ask (nth 1 found))
          (?s nil)
          (?n (unflub--dismiss input))
          (_ (unflub--go-to (car (nth 0 found)))
             (user-error "Not sent; point is at the passage")))))))

;;;###autoload
(define-minor-mode unflub-mode
  "Ask before a thank-you note that explains a flub is sent."
  :global t
  (dolist (hook '(message-send-hook mail-send-hook))
    (if unflub-mode
        (add-hook hook #'unflub-before-send)
      (remove-hook hook #'unflub-before-send))))

(provide 'unflub)
;;; unflub.el ends here
