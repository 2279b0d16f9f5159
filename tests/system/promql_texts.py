"""Expressions of PromQL for tests: written by a grammar, then damaged. Everything comes from the Random that is given."""

NAMES = ["up", "foo", "http_requests_total", "a:b", "sum", "by", "and", "offset", "start", "end", "or", "without",
         "FOO", "_x", "count_values", "unless", "topk", "min"]
LABELS = ["a", "job", "le", "sum", "by", "on", "bool", "group_left", "offset", "and", "start", "__name__", "ignoring", "atan2"]
VALUES = ["", "x", "a b", "5..", "a|b", ".*", ".+", "(a)", "é", "\\\\d+", "\\n", "\\x41", "\\u00e9", "\\101", "日本"]
NUMBERS = ["0", "1", "2.5", ".5", "1.", "1e3", "1E-7", "0x1f", "017", "08", "Inf", "nan", "+Inf", "1e21", "123456789012345678901",
           "0.00001", "NaN", "iNf", "1e-320", "0.1", "9007199254740993", "9223372036854775807", "9223372036854775808", "3.14159"]
DURATIONS = ["5m", "1h30m", "1m0s", "1d", "2w", "1y", "500ms", "90s", "1y2w3d4h5m6s7ms", "10080m", "36h", "1500ms"]
BAD_DURATIONS = ["0s", "5", "5m1h", "1ys", "1hs", "5mm", "300y", "99999999999999999999s", "1.5h", "5M", "-5m", "5m5m", "m"]
OPS = ["+", "-", "*", "/", "%", "^", "==", "!=", "<", "<=", ">", ">=", "and", "or", "unless", "atan2", "AND", "Or"]
AGGREGATES = ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk", "count_values", "quantile", "SUM", "Topk"]
VECTOR_CALLS = ["abs", "absent", "ceil", "floor", "exp", "ln", "sort", "timestamp", "histogram_count", "sgn", "deg", "tanh"]
RANGE_CALLS = ["rate", "irate", "increase", "delta", "idelta", "changes", "resets", "deriv", "avg_over_time", "absent_over_time",
               "last_over_time", "stdvar_over_time"]
OTHER_CALLS = [("scalar", "v"), ("vector", "s"), ("time", ""), ("pi", ""), ("clamp", "vss"), ("clamp_max", "vs"), ("round", "vs"),
               ("round", "v"), ("histogram_quantile", "sv"), ("histogram_fraction", "ssv"), ("holt_winters", "mss"),
               ("predict_linear", "ms"), ("quantile_over_time", "sm"), ("label_replace", "vtttt"), ("label_join", "vttt"),
               ("label_join", "vtttttt"), ("label_join", "vtt"), ("day_of_week", ""), ("hour", "v"), ("year", "v"), ("nope", "v"),
               ("RATE", "m")]
PIECES = ["(", ")", "[", "]", "{", "}", ",", ":", "@", "=", "=~", "!~", "!", "#", "\"", "'", "`", "\\", "$", ";", "&", "~", "?", "é", "\x00",
          "\n", "\t", " ", ".", "..", "0x", "1e", "e5", "[5m]", "[5m:]", "[5m:1m]", "offset 5m", "offset -1h", "@ 1", "@ start()", "@ end()",
          "@ -1.5", "@ inf", "by (a)", "without (b)", "by", "on", "on(a)", "ignoring(b)", "group_left", "group_right(a)", "bool", "offset",
          "sum", "5m", "1", "foo", "a:b", "\"s\"", "{a=\"b\"}", "\"\\q\"", "\"\\400\"", "\"\\ud800\"", "'\\x4'", "inf", "start", "end", "and"]


class Writer:
    """One expression after the other; types are right more often than not."""

    def __init__(self, random):
        self.r = random

    def pick(self, what):
        return self.r.choice(what)

    def chance(self, p):
        return self.r.random() < p

    def space(self):
        return self.pick(["", "", " ", " ", " ", "  ", "\n", "\t", " # c\n"])

    def string(self):
        quote = self.pick("\"\"\"'`")
        value = self.pick(VALUES)
        return quote + (value.replace("\\", "") if quote == "`" else value) + quote

    def labels(self):
        return "(" + self.space() + ", ".join(self.pick(LABELS) for _ in range(self.r.randrange(3))) + self.pick(["", "", ","]) + ")"

    def matcher(self):
        op = self.pick(["=", "=", "!=", "=~", "!~"])
        return self.pick(LABELS[:8]) + self.space() + op + self.space() + self.string()

    def selector(self):
        name = self.pick(NAMES) if self.chance(0.8) else ""
        braces = ""
        if not name or self.chance(0.5):
            inner = ", ".join(self.matcher() for _ in range(self.r.randrange(3 if name else 4)))
            braces = "{" + inner + (self.pick(["", "", ","]) if inner else "") + "}"
        return name + self.pick(["", " "] if braces else [""]) + braces

    def duration(self):
        return self.pick(DURATIONS) if self.chance(0.97) else self.pick(BAD_DURATIONS)

    def shift(self):
        out = ""
        if self.chance(0.25):
            out += " offset " + self.pick(["", "", "-"]) + self.duration()
        if self.chance(0.2):
            out += " @ " + self.pick(["1", "-2.5", "1e9", "1603774568.123", "start()", "end()", "start ( )", "+3", "inf", "1e30"])
        return out

    def range(self, depth):
        if depth > 0 and self.chance(0.3):
            return self.vector(depth - 1) + "[" + self.duration() + ":" + (self.duration() if self.chance(0.5) else "") + "]" + self.shift()
        return self.selector() + "[" + self.pick(["", "", " "]) + self.duration() + "]" + self.shift()

    def scalar(self, depth):
        kind = self.r.randrange(6) if depth > 0 else 0
        if kind <= 2:
            return self.pick(NUMBERS)
        if kind == 3:
            return self.pick("+-") + self.scalar(depth - 1)
        if kind == 4:
            return "(" + self.scalar(depth - 1) + ")"
        return self.scalar(depth - 1) + self.space() + self.pick(OPS[:6]) + self.space() + self.scalar(depth - 1)

    def aggregate(self, depth):
        op = self.pick(AGGREGATES)
        inner = self.vector(depth - 1)
        if op.lower() in ("topk", "bottomk", "quantile"):
            inner = self.scalar(1) + ", " + inner
        elif op == "count_values":
            inner = self.string() + ", " + inner
        if self.chance(0.05):
            inner += ", " + self.scalar(1)
        by = self.pick(["by", "without", "BY"]) + self.space() + self.labels() if self.chance(0.6) else ""
        if self.chance(0.5):
            return op + " " + by + self.space() + "(" + inner + ")"
        return op + self.space() + "(" + inner + ")" + self.space() + by

    def call(self, depth):
        kind = self.r.randrange(3)
        if kind == 0:
            return self.pick(VECTOR_CALLS) + "(" + self.vector(depth - 1) + ")"
        if kind == 1:
            return self.pick(RANGE_CALLS) + "(" + self.space() + self.range(depth - 1) + ")"
        name, args = self.pick(OTHER_CALLS)
        makers = {"v": self.vector, "s": self.scalar, "m": self.range, "t": lambda _: self.string()}
        return name + "(" + ", ".join(makers[a](depth - 1) for a in args) + ")"

    def binary(self, depth):
        op = self.pick(OPS)
        match = " bool " if self.chance(0.2 if op[0] in "=!<>" else 0.02) else self.space()
        if self.chance(0.3):
            match += self.pick([" on", " ignoring", " ON"]) + self.labels()
            if self.chance(0.5):
                match += self.pick([" group_left", " group_right"]) + (self.labels() if self.chance(0.5) else "")
        right = self.any(depth - 1) if self.chance(0.2) else self.vector(depth - 1)
        return self.vector(depth - 1) + " " + op + match + " " + right

    def vector(self, depth):
        kind = self.r.randrange(10) if depth > 0 else 0
        if kind <= 2:
            return self.selector() + self.shift()
        if kind == 3:
            return "(" + self.space() + self.vector(depth - 1) + self.space() + ")"
        if kind == 4:
            return self.pick("+-") + self.space() + self.vector(depth - 1)
        if kind <= 6:
            return self.aggregate(depth)
        if kind <= 8:
            return self.binary(depth)
        return self.call(depth)

    def any(self, depth):
        kind = self.r.randrange(20)
        if kind == 0:
            return self.string()
        if kind <= 2:
            return self.scalar(depth)
        if kind == 3:
            return self.range(depth)
        return self.vector(depth)

    def damage(self, text):
        """One to three small changes."""
        for _ in range(self.r.randrange(1, 4)):
            at = self.r.randrange(len(text) + 1)
            kind = self.r.randrange(5)
            if kind == 0:
                text = text[:at] + text[at + self.r.randrange(1, 6):]
            elif kind <= 2:
                text = text[:at] + self.pick(PIECES) + text[at:]
            elif kind == 3:
                text = text[:at] + " " + self.pick(PIECES) + " " + text[at + self.r.randrange(4):]
            else:
                to = min(len(text), at + self.r.randrange(12))
                where = self.r.randrange(len(text) + 1)
                text = text[:where] + text[at:to] + text[where:]
        return text

    def next(self):
        text = self.any(self.r.randrange(5))
        return self.damage(text) if self.chance(0.5) else text
