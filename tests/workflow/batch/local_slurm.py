"""A real SLURM on the loopback interface, from the programs that Debian packages.

    apt install slurmctld slurmd slurm-client munge
    python tests/workflow/batch/local_slurm.py FOLDER COMMAND...

runs a command with SLURM_CONF set, and ends the daemons after it. FOLDER keeps keys, state and
logs. Jobs run as the user who starts it; nothing outside FOLDER is written.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
START_S = 60.0
CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
InactiveLimit=0
MinJobAge=300
SchedulerParameters=sched_interval=2,batch_sched_delay=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=short Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> list[str]:
    """Return the programs that are not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [name for name in NEEDED if shutil.which(name, path=path) is None]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _write(folder: Path, cpus: int, memory: int) -> Path:
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("", "munge"):
        (folder / name).chmod(0o755)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=folder,
            ports=_free_ports(2),
            cpus=cpus,
            memory=memory,
        )
    )
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
    return conf


@contextmanager
def slurm(folder: Path, cpus: int = 2, memory: int = 6000) -> Iterator[dict[str, str]]:
    """Start a SLURM of one node, and end it when the block ends.

    Parameters
    ----------
    folder : Path
        An absolute path that no other user can write to; made if absent.
    cpus : int
        Processors of the node. It may have fewer.
    memory : int
        Its memory [MB], likewise.

    Yields
    ------
    dict of str to str
        The environment in which sbatch and the like talk to it.

    Raises
    ------
    RuntimeError
        If it does not come up; with the ends of the logs.
    """
    folder = folder.absolute()
    conf = _write(folder, cpus, memory)
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    environment = os.environ | {"SLURM_CONF": str(conf), "PATH": path}
    munge = folder / "munge"
    commands = (
        ["munged", "--foreground", "--force", f"--key-file={munge / 'key'}",
         f"--socket={munge / 'socket'}", f"--pid-file={munge / 'pid'}",
         f"--seed-file={munge / 'seed'}", f"--log-file={munge / 'log'}"],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D", "-c"],
    )  # fmt: skip
    with ExitStack() as stack:
        for command in commands:
            log = stack.enter_context((folder / f"{command[0]}.out").open("wb"))
            daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(_end, daemon)
            if command[0] == "munged":
                _wait((munge / "socket").exists, folder)
        _wait(lambda: _idle(environment), folder)
        yield environment


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(30)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _idle(environment: dict[str, str]) -> bool:
    found = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip() == "idle"


def _wait(condition, folder: Path) -> None:
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > START_S:
            logs = [*folder.glob("*.log"), *folder.glob("*.out"), folder / "munge" / "log"]
            ends = [f"{log.name}: {log.read_text()[-1000:]}" for log in logs if log.is_file()]
            raise RuntimeError("SLURM does not come up\n" + "\n".join(ends))
        time.sleep(0.2)


if __name__ == "__main__":
    if lacking := missing():
        sys.exit(f"not installed: {', '.join(lacking)}")
    with slurm(Path(sys.argv[1])) as environ:
        sys.exit(subprocess.run(sys.argv[2:], env=environ, check=False).returncode)
