"""The text that has each system run the daemon at login: systemd, launchd, Task Scheduler."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath, PureWindowsPath
from subprocess import list2cmdline
from xml.sax.saxutils import escape

LABEL = "io.github.unflub.watch"
"""How launchd and the Task Scheduler know the daemon."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: the command, the folder it writes its state into, and its log's place.

    `environment` is what a service would not see of itself; `user` is as Windows names who runs it.
    """

    command: Sequence[str]
    state: PurePath
    log: PurePath
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""


def systemd(job: Job) -> str:
    """Write a user unit (systemd.unit(5), systemd.exec(5)).

    It may read the home, for password_command and password_file, and write the state alone.
    """
    return _SYSTEMD.format(
        # Only here are variables replaced.
        command=" ".join(map(_quoted, job.command)).replace("$", "$$"),
        environment="".join(
            f"Environment={_quoted(f'{name}={value}')}\n" for name, value in job.environment.items()
        ),
        state=_quoted(str(job.state)),
    )


def launchd(job: Job) -> str:
    """Write a launch agent (launchd.plist(5))."""
    agent: dict[str, object] = {
        "Label": LABEL,
        # unflub keeps its log short, which launchd does not; standard error goes there, too, for
        # what is said before there is a log.
        "ProgramArguments": [*job.command, "--log", str(job.log)],
        "RunAtLoad": True,
        # Ended by itself it has a reason that only the user can mend.
        "KeepAlive": {"Crashed": True},
        "ProcessType": "Background",
        "ThrottleInterval": 30,
        "Umask": 0o077,
        "SoftResourceLimits": {"Core": 0},
        "StandardErrorPath": str(job.log),
    }
    if job.environment:
        agent["EnvironmentVariables"] = dict(job.environment)
    return plistlib.dumps(agent, sort_keys=False).decode()


def task(job: Job) -> str:
    """Write a task for the Task Scheduler, run at logon of the user with their rights alone.

    Without a UserId it would run at anybody's logon, which only an administrator may ask for.
    A task knows no environment, and on Windows no variable says where unflub's folders are.
    The Python without a window, which stands beside the other, has no standard error for a log.
    """
    python, *arguments = job.command
    program = PureWindowsPath(python).with_name("pythonw.exe")
    return _TASK.format(
        label=escape(LABEL),
        user=escape(job.user),
        program=escape(str(program)),
        arguments=escape(list2cmdline([*arguments, "--log", str(job.log)])),
    )


def _quoted(word: str) -> str:
    r"""Quote a word for systemd: "%" would be replaced, "\" and quotes end it."""
    for special, plain in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        word = word.replace(special, plain)
    return f'"{word}"'


# The user's own manager may take rights away only in a user namespace, hence PrivateUsers.
_SYSTEMD = """\
[Unit]
Description=unflub, which warns before a thank-you note explains a flub
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
{environment}ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=5min
Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2 3 6
UMask=0077
LimitCORE=0

PrivateUsers=yes
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={state}
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
"""

_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>unflub, which warns before a thank-you note explains a flub</Description>
    <URI>\\{label}</URI>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>3</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
