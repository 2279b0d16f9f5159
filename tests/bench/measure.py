"""What processes cost: processor time, memory, bytes written, read from /proc."""
import os
import threading
import time

TICK = os.sysconf('SC_CLK_TCK')


def lines_of(pid, name):
    try:
        with open(f'/proc/{pid}/{name}', encoding='ascii') as file:
            return file.read().split('\n')
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        for line in lines_of(pid, 'stat')[:1]:
            fields = line.rsplit(')', 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_mib(pids):
    """(summed RssAnon, summed VmHWM)"""
    anon = peak = 0
    for pid in pids:
        for line in lines_of(pid, 'status'):
            if line.startswith('RssAnon'):
                anon += int(line.split()[1])
            if line.startswith('VmHWM'):
                peak += int(line.split()[1])
    return anon / 1024, peak / 1024


def written_bytes(pids):
    """What these processes caused to be written to the disk."""
    return sum(int(line.split()[1]) for pid in pids for line in lines_of(pid, 'io') if line.startswith('write_bytes'))


def disk_bytes(folder):
    """Allocated bytes of all files below."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


def wait_quiet(pids, most_s=120, quiet_s=3):
    """Until these processes took less than 5 % of a core for so long. False: they did not."""
    end, quiet = time.monotonic() + most_s, 0
    before = cpu_seconds(pids())
    while time.monotonic() < end:
        time.sleep(1)
        now = cpu_seconds(pids())
        quiet = quiet + 1 if now - before < 0.05 else 0
        before = now
        if quiet >= quiet_s:
            return True
    return False


class Watch:
    """The largest sum of RssAnon of some processes while something runs. pids: called each time."""

    def __init__(self, pids, every_s=0.1):
        self.pids, self.every_s, self.anon, self.ending = pids, every_s, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending.wait(self.every_s):
            self.anon = max(self.anon, memory_mib(self.pids())[0])

    def end(self):
        """(peak of summed RssAnon, sum of VmHWM)"""
        self.ending.set()
        self.thread.join()
        return self.anon, memory_mib(self.pids())[1]
