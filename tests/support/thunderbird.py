"""Thunderbird itself, Debian's, on a screen of its own, driven by Marionette."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marionette_driver.addons import Addons
from marionette_driver.errors import MarionetteException
from marionette_driver.marionette import Marionette

from support import axe
from support.client import MailClient
from support.ports import free_port
from support.waiting import until

PATIENCE = 120
ADDRESS = "ada@example.org"

# What would come between a test and a mail: updates, questions of a first start, the network.
_QUIET: dict[str, Any] = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.disabledForTesting": True,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "mail.compose.autosaveinterval": 1,
    "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    # A note that is sent quickly has not got its Content-Language yet.
    "mail.suppress_content_language": True,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.unified": False,
}


def _account(user: str, imap: int, smtp: int) -> dict[str, Any]:
    def of(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{prefix}.{key}": value for key, value in values.items()}

    place = f"imap://{user}@127.0.0.1"
    return {
        **of("mail.accountmanager", {
            "accounts": "account1,account2", "defaultaccount": "account1",
            "localfoldersserver": "server2",
        }),
        **of("mail.account", {
            "account1.identities": "id1", "account1.server": "server1",
            "account2.server": "server2",
        }),
        **of("mail.identity.id1", {
            "fullName": "Ada", "useremail": ADDRESS, "valid": True, "smtpServer": "smtp1",
            "draft_folder": f"{place}/Drafts", "drafts_folder_picker_mode": "0",
            "fcc_folder": f"{place}/Sent", "fcc_folder_picker_mode": "0",
        }),
        # With a login at start it would ask for the password, before it can be given one.
        **of("mail.server.server1", {
            "type": "imap", "hostname": "127.0.0.1", "port": imap, "userName": user, "name": "Ada",
            "socketType": 0, "authMethod": 3, "login_at_startup": False, "check_new_mail": False,
        }),
        **of("mail.server.server2", {
            "type": "none", "hostname": "Local Folders", "userName": "nobody",
            "name": "Local Folders",
        }),
        "mail.smtpservers": "smtp1",
        **of("mail.smtpserver.smtp1", {
            "hostname": "127.0.0.1", "port": smtp, "authMethod": 1, "try_ssl": 0, "username": "",
        }),
    }  # fmt: skip


@dataclass(frozen=True)
class Thunderbird:
    """A running Thunderbird; everything is done in its own windows."""

    driver: Marionette
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Wait until something holds, whatever windows come and go meanwhile."""

        def holds() -> Any:
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            with suppress(MarionetteException):
                return condition()

        return until(holds, PATIENCE, lambda: f"waited in vain, with {self._addresses()}")

    def install(self, add_on: Path) -> None:
        Addons(self.driver).install(str(add_on), temp=True)

    def set_options(self, add_on: str, **values: Any) -> None:
        """Set what the options page sets."""
        self.script(
            """
            const [id, values] = arguments;
            const {ExtensionStorageIDB} =
              ChromeUtils.importESModule("resource://gre/modules/ExtensionStorageIDB.sys.mjs");
            return (async () => {
              const {extension} = WebExtensionPolicy.getByID(id);
              const principal = ExtensionStorageIDB.getStoragePrincipal(extension);
              const store = await ExtensionStorageIDB.open(principal, false);
              await store.set(values);
            })();
            """,
            add_on,
            values,
        )

    def prefer_dark(self, dark: bool) -> None:  # noqa: FBT001
        """Have a desktop that is dark, or light."""
        self.script("Services.prefs.setIntPref('ui.systemUsesDarkTheme', arguments[0])", int(dark))

    def write(self, body: str, subject: str = "Thank you", *, html: bool = False) -> Composing:
        """Open a window with a note in it, as a reader would have typed it."""
        before = set(self.driver.chrome_window_handles)
        self.script(
            """
            const [body, subject, html] = arguments;
            const {MailServices} =
              ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            const make = name => Cc[`@mozilla.org/messengercompose/${name};1`].createInstance();
            const fields = make("composefields").QueryInterface(Ci.nsIMsgCompFields);
            const params = make("composeparams").QueryInterface(Ci.nsIMsgComposeParams);
            Object.assign(fields, {to: "panel@example.com", subject, body});
            params.composeFields = fields;
            params.identity = MailServices.accounts.defaultAccount.defaultIdentity;
            params.type = Ci.nsIMsgCompType.New;
            params.format = Ci.nsIMsgCompFormat[html ? "HTML" : "PlainText"];
            MailServices.compose.OpenComposeWindowWithParams(null, params);
            """,
            body,
            subject,
            html,
        )
        (window,) = self.wait_for(lambda: set(self.driver.chrome_window_handles) - before)
        made = Composing(self, window)
        self.wait_for(lambda: made.script(_IS_READY))
        return made

    def dialog(self) -> Page:
        """Wait for the add-on's window."""
        return self.wait_for(lambda: next(self.pages("dialog.html"), None))

    def options(self) -> Page:
        """Open the add-on's options in a window of their own."""
        self.script(
            """
            const {extension} = WebExtensionPolicy.getByID("unflub@unflub.github.io");
            const tabmail = Services.wm.getMostRecentWindow("mail:3pane")
              .document.getElementById("tabmail");
            tabmail.openTab("contentTab", {
              url: extension.baseURL + "options.html",
              linkHandler: "single-page",
              triggeringPrincipal: extension.principal,
              userContextId: 0,
            });
            """
        )
        return self.wait_for(lambda: next(self.pages("options.html"), None))

    def show_message(self, folder: str, subject: str) -> None:
        """Open a mailbox in the first window, and in it the message whose subject begins so."""
        self.script(
            """
            const {MailServices} =
              ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            const {rootFolder} = MailServices.accounts.defaultAccount.incomingServer;
            const pane = document.getElementById("tabmail").currentAbout3Pane;
            pane.displayFolder(rootFolder.getChildNamed(arguments[0]).URI);
            """,
            folder,
        )
        self.wait_for(
            lambda: self.script(
                """
                const pane = document.getElementById("tabmail").currentAbout3Pane;
                const at = [...Array(pane.gDBView?.rowCount ?? 0).keys()].find(
                  n => pane.gDBView.cellTextForColumn(n, "subjectCol").startsWith(arguments[0]));
                if (at === undefined) {
                  return false;
                }
                pane.threadTree.selectedIndex = at;
                const shown = pane.messageBrowser.contentWindow.getMessagePaneBrowser();
                return shown?.contentDocument?.body?.innerText.includes("unflub ran on");
                """,
                subject,
            )
        )

    def pages(self, name: str) -> Iterator[Page]:
        for window in self.driver.chrome_window_handles:
            page = Page(self, window, name)
            if page.is_shown():
                yield page

    def script(self, code: str, *arguments: Any) -> Any:
        """Run a script in Thunderbird's first window."""
        return self.script_in(self._first(), code, *arguments)

    def script_in(self, window: str, code: str, *arguments: Any) -> Any:
        self.driver.switch_to_window(window, focus=False)
        return self.driver.execute_script(code, script_args=arguments)

    def picture(self, window: str) -> bytes:
        """Photograph a window."""
        self.driver.switch_to_window(window, focus=False)
        return base64.b64decode(self.driver.screenshot(format="base64"))

    def _first(self) -> str:
        return self.driver.chrome_window_handles[0]

    def _addresses(self) -> list[str]:
        return [
            self.script_in(window, "return document.title")
            for window in self.driver.chrome_window_handles
        ]


_IS_READY = """
    return window.gMsgCompose?.editor && !window.gWindowLocked && window.composeEditorReady
      && !document.getElementById("button-send").disabled
"""
_BODY = "const body = document.getElementById('messageEditor').contentDocument.body;"


@dataclass(frozen=True)
class Composing:
    """A window in which a note is written."""

    thunderbird: Thunderbird
    window: str

    def script(self, code: str, *arguments: Any) -> Any:
        return self.thunderbird.script_in(self.window, code, *arguments)

    def press(self, button: str) -> None:
        self.script(f"document.getElementById({button!r}).click()")

    def send(self) -> None:
        """Press Send, once."""
        self.press("button-send")

    def check(self) -> None:
        """Press the add-on's button."""
        self.script(
            "document.querySelector('[id^=unflub][id$=composeAction-toolbarbutton]').click()"
        )

    def save(self) -> None:
        self.script("goDoCommand('cmd_saveAsDraft')")

    def saved_as(self) -> int:
        """Give the UID of the draft that Thunderbird deletes when it sends; 0 before it knows."""
        return self.script(
            "return Number(gMsgCompose.compFields.draftId.match(/#(\\d+)/)?.[1] ?? 0)"
        )

    def autosave(self) -> None:
        """Do now what its timer does every few minutes."""
        self.script("AutoSave()")

    def type(self, words: str) -> None:
        """Write at the cursor."""
        self.script("gMsgCompose.editor.insertText(arguments[0])", words)

    def rewrite(self, body: str) -> None:
        """Take all out, and write something else."""
        self.script(
            "const {editor} = gMsgCompose; editor.selectAll(); editor.insertText(arguments[0])",
            body,
        )

    def is_open(self) -> bool:
        return self.window in self.thunderbird.driver.chrome_window_handles

    def is_editable(self) -> bool:
        """Whether one can write in it, and has the keyboard there."""
        return self.script("return !window.gWindowLocked")

    def text(self) -> str:
        return self.script(f"{_BODY} return body.innerText")

    def after_cursor(self) -> str:
        """What stands right of the cursor in its line."""
        return self.script(
            "const at = document.getElementById('messageEditor').contentWindow.getSelection();"
            "return at.isCollapsed ? at.anchorNode.data?.slice(at.anchorOffset) : '(selected)'"
        )


@dataclass(frozen=True)
class Page:
    """A page of the add-on, by the end of its address."""

    thunderbird: Thunderbird
    window: str
    name: str

    def is_shown(self) -> bool:
        return (
            self.window in self.thunderbird.driver.chrome_window_handles
            and bool(
                self.thunderbird.script_in(self.window, f"{_BROWSER} return !!browser", self.name)
            )
            and self.run("return document.readyState") == "complete"
        )

    def is_gone(self) -> bool:
        return self.window not in self.thunderbird.driver.chrome_window_handles

    def run(self, code: str) -> Any:
        """Run a script in the page, which lives in another process."""
        self.thunderbird.driver.switch_to_window(self.window, focus=False)
        return self.thunderbird.driver.execute_async_script(
            f"{_BROWSER}{_IN_PAGE}", script_args=(self.name, code)
        )

    def text(self) -> str:
        return self.run("return document.body.innerText")

    def press(self, button: str) -> None:
        self.run(f"document.getElementById({button!r}).click(); return true")

    def type(self, keys: str) -> None:
        """Press keys, as on a keyboard."""
        driver = self.thunderbird.driver
        driver.switch_to_window(self.window)
        driver.find_element("css selector", "browser").send_keys(keys)

    def close(self) -> None:
        """Close its window, as by the window's own button."""
        self.thunderbird.script_in(self.window, "window.close()")

    def is_dark(self) -> bool:
        return self.run("return window.matchMedia('(prefers-color-scheme: dark)').matches")

    def language(self) -> str:
        """In which a screen reader is to read it out."""
        return self.run("return document.documentElement.lang")

    def violations(self) -> list[Any]:
        """What axe-core finds wrong with how the page can be used by everybody."""
        return self.run(
            "const page = Cu.Sandbox(window, {sandboxPrototype: window, wantXrays: false});"
            f"Cu.evalInSandbox({json.dumps(axe.source())}, page);"
            "const found = await Cu.evalInSandbox('axe.run(document)', page);"
            "const {violations} = JSON.parse(JSON.stringify(found));"
            "return violations.map(one => [one.id, ...one.nodes.map(node => node.html)])"
        )

    def focused(self) -> str:
        return self.run("return document.activeElement.id")


_BROWSER = """
    const [name, code] = arguments;
    const browser = [...document.querySelectorAll("browser")]
      .find(one => new RegExp(`^moz-extension:.*${name}`).test(one.currentURI?.spec));
"""
_IN_PAGE = """
    const done = arguments[arguments.length - 1];
    const answer = `answer-${Math.random()}`;
    const manager = browser.messageManager;
    manager.addMessageListener(answer, function take({data}) {
      manager.removeMessageListener(answer, take);
      done(data);
    });
    const run = `(async (document, window) => { ${code} })(content.document, content)`;
    const tell = `found => sendAsyncMessage(${JSON.stringify(answer)}, found)`;
    const script = `${run}.catch(String).then(${tell})`;
    manager.loadFrameScript(`data:,${encodeURIComponent(script)}`, false);
"""


@contextmanager
def thunderbird(
    folder: Path, client: MailClient, smtp: int, environment: Mapping[str, str]
) -> Iterator[Thunderbird]:
    """Run it with the account of a client's user, which sends to the port `smtp`."""
    program = shutil.which("thunderbird")
    assert program, "Thunderbird is missing: apt-get install thunderbird"
    folder.mkdir()
    marionette = free_port()
    account = _account(client.user, client.port, smtp)
    values = {**_QUIET, **account, "marionette.port": marionette}
    lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in values.items()]
    (folder / "user.js").write_text("\n".join(lines))
    log = folder / "log"
    # Two at once take the files of each other's mails for their own in a folder they share.
    (folder / "tmp").mkdir()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [program, "-profile", folder, "-no-remote", "-marionette",
             "--remote-allow-system-access"],
            env={**environment, "TMPDIR": str(folder / "tmp")}, stdout=sink, stderr=sink,
        )  # fmt: skip
    try:
        running = Thunderbird(_driver(process, marionette, log), process, log)
        _store_password(running, client.user, client.password)
        yield running
    finally:
        process.kill()
        process.wait(PATIENCE)


def _driver(process: subprocess.Popen[bytes], port: int, log: Path) -> Marionette:
    driver = Marionette(host="127.0.0.1", port=port)

    def has_started() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")
        with suppress(OSError):
            driver.start_session()
            return True
        return False

    until(has_started, PATIENCE, lambda: log.read_text(errors="replace"))
    driver.set_context("chrome")
    driver.timeout.script = PATIENCE
    return driver


def _store_password(running: Thunderbird, user: str, password: str) -> None:
    running.script(
        """
        const [user, password] = arguments;
        const login = Cc["@mozilla.org/login-manager/loginInfo;1"]
          .createInstance(Ci.nsILoginInfo);
        const place = "imap://127.0.0.1";
        login.init(place, null, place, user, password, "", "");
        return Services.logins.addLoginAsync(login).then(() => null);
        """,
        user,
        password,
    )
