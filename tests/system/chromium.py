"""Headless Chromium, driven over a pipe by its DevTools protocol; nothing but Python's own library."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAM = os.environ.get('CHROMIUM', 'chromium')
FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--hide-scrollbars', '--remote-debugging-pipe']


def is_there():
    return shutil.which(PROGRAM) is not None


class Chromium:
    """One page of one browser. What it says on its console, and what goes wrong on it, gathers in `told`."""

    def __init__(self, timeout_s=60):
        self.timeout_s, self.told, self.last, self.rest, self.events = timeout_s, [], 0, b'', []
        self.profile = tempfile.mkdtemp(prefix='chromium-')
        to_browser, self.to_browser = os.pipe()
        self.from_browser, from_browser = os.pipe()
        # Chromium reads from 3 and writes to 4, whatever numbers the pipes have here.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_browser, from_browser)]

        def place():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)
        self.process = subprocess.Popen([PROGRAM, *FLAGS, f'--user-data-dir={self.profile}', 'about:blank'],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=place, pass_fds=(3, 4), start_new_session=True,
                                        env=dict(os.environ, HOME=self.profile))
        for end in (to_browser, from_browser, *ends):
            os.close(end)
        self.session = None
        pages = [t for t in self.ask('Target.getTargets')['targetInfos'] if t['type'] == 'page']
        self.session = self.ask('Target.attachToTarget', targetId=pages[0]['targetId'], flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.ask(f'{domain}.enable')

    def close(self):
        try:
            self.session = None
            self.ask('Browser.close')
            self.process.wait(self.timeout_s)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, 9)
                self.process.wait()
            os.close(self.to_browser)
            os.close(self.from_browser)
            shutil.rmtree(self.profile, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _hear(self, deadline):
        """The next message; events are noted on the way."""
        while b'\0' not in self.rest:
            ready = select.select([self.from_browser], [], [], max(0, deadline - time.monotonic()))[0]
            assert ready, f'Chromium did not answer within {self.timeout_s} s'
            piece = os.read(self.from_browser, 1 << 20)
            assert piece, 'Chromium ended'
            self.rest += piece
        text, self.rest = self.rest.split(b'\0', 1)
        message = json.loads(text)
        if message.get('method') in ('Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded'):
            self.told.append(message['params'])
        if message.get('method') == 'Network.requestWillBeSent':
            self.told += [url for url in [message['params']['request']['url']] if not url.startswith(('file:', 'data:', 'about:'))]
        if 'method' in message:
            self.events.append(message['method'])
        return message

    def ask(self, method, **params):
        deadline = time.monotonic() + self.timeout_s
        self.last += 1
        command = {'id': self.last, 'method': method, 'params': params}
        if self.session:
            command['sessionId'] = self.session
        data = json.dumps(command).encode() + b'\0'
        while data:
            data = data[os.write(self.to_browser, data):]
        while True:
            message = self._hear(deadline)
            if message.get('id') == self.last:
                assert 'error' not in message, f'{method}: {message["error"]}'
                return message['result']

    def open(self, path, **view):
        """Shows a file; view as of turn."""
        self.turn(**view)
        self.events.clear()
        self.ask('Page.navigate', url='file://' + os.path.abspath(path))
        deadline = time.monotonic() + self.timeout_s
        while 'Page.loadEventFired' not in self.events:
            self._hear(deadline)

    def turn(self, width=1280, height=900, scheme='light', media='screen'):
        """Another width, light or dark, the screen or paper."""
        self.ask('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.ask('Emulation.setEmulatedMedia', media=media, features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def run(self, expression):
        """What an expression of JavaScript gives, as plain data."""
        result = self.ask('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        assert 'exceptionDetails' not in result, result['exceptionDetails']
        return result['result'].get('value')

    def picture(self, path):
        """The whole page, from top to bottom."""
        size = self.ask('Page.getLayoutMetrics')['cssContentSize']
        clip = {'x': 0, 'y': 0, 'width': size['width'], 'height': min(size['height'], 16000), 'scale': 1}
        data = self.ask('Page.captureScreenshot', format='png', captureBeyondViewport=True, clip=clip)['data']
        with open(path, 'wb') as out:
            out.write(base64.b64decode(data))

    def pdf(self):
        """The page as it is printed, on the paper that it wants."""
        return base64.b64decode(self.ask('Page.printToPDF', preferCSSPageSize=True, printBackground=True)['data'])
