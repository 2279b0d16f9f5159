"""Prometheus remote write 1.0 by hand: protobuf as its specification says, in snappy that only holds literals."""
import struct


def _varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def series(labels, samples):
    """One TimeSeries: labels as a dict, samples as (ms, value) or (ms, bits of a double as an int in a tuple)."""
    out = b''.join(_field(1, _field(1, name.encode()) + _field(2, value.encode()))
                   for name, value in sorted(labels.items()))
    for at, value in samples:
        bits = struct.pack('<Q', value[0]) if isinstance(value, tuple) else struct.pack('<d', value)
        out += _field(2, b'\x09' + bits + b'\x10' + _varint(at))
    return _field(1, out)


def metadata(name, kind, text):
    """One MetricMetadata; kind 1 counter, 2 gauge, 3 histogram, ..."""
    return _field(3, b'\x08' + _varint(kind) + _field(2, name.encode()) + _field(4, text.encode()))


def snappy(data):
    """The block format, with literals of 64 KiB."""
    out = _varint(len(data))
    for i in range(0, len(data), 65536):
        part = data[i:i + 65536]
        out += b'\xf4' + struct.pack('<H', len(part) - 1) + part
    return out


HEADERS = {'content-encoding': 'snappy', 'content-type': 'application/x-protobuf',
           'x-prometheus-remote-write-version': '0.1.0'}


def write(daemon, *all_series, headers=None):
    """Status, body, headers of the answer to one request."""
    return daemon.request('POST', '/api/v1/write', snappy(b''.join(all_series)), {**HEADERS, **(headers or {})})
