"""Bytes, runs and frames as docs/protocol.md has them; numbers in brackets are its sections."""
import pathlib, re, uuid, zlib

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


class Malformed(Exception):
    pass


def must(holds, what):
    if not holds:
        raise Malformed(what)


def raw(text):
    return uuid.UUID(text).bytes


# [1] Bytes
def uint(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def zigzag(n):
    return uint((n << 1 ^ n >> 63) & 2**64 - 1)


def sint(n):
    out = bytearray()
    while not -64 <= n < 64:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n & 127]))


def sized(data):
    return uint(len(data)) + data


def wrap(n):
    return (n + 2**63) % 2**64 - 2**63


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, n):
        must(self.at + n <= len(self.data), "the end")
        self.at += n
        return self.data[self.at - n : self.at]

    def u8(self):
        return self.raw(1)[0]

    def u64(self):
        return self.raw(8).hex()

    def uint(self):
        start, n, shift = self.at, 0, 0
        while True:
            byte = self.u8()
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        must(n < 2**64 and uint(n) == self.data[start : self.at], "number")
        return n

    def int(self):
        n = self.uint()
        return n >> 1 ^ -(n & 1)

    def bytes(self):
        return self.raw(self.uint())

    def text(self):
        return self.bytes().decode("utf-8")

    def id(self):
        data = self.raw(16)
        must(data[6] >> 4 == 7 and data[8] >> 6 == 2, "id")
        return str(uuid.UUID(bytes=data))

    def actor(self):
        if self.data[self.at : self.at + 16] == bytes(16):
            return str(uuid.UUID(bytes=self.raw(16)))
        return self.id()

    def doc(self):
        return {"kind": {1: "job", 2: "van", 3: "technician"}[self.u8()], "id": self.id()}

    def list(self, read, empty=True):
        count = self.uint()
        must(empty or count, "an empty list")
        return [read() for _ in range(count)]

    def end(self):
        must(self.at == len(self.data), "bytes after the end")


# docs/dictionary.md
def tables():
    out, title = {}, None
    for line in (DOCS / "dictionary.md").read_text("utf-8").splitlines():
        title = line[3:] if line.startswith("## ") else title
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and set(row[0]) != {"-"}:
            out.setdefault(title, []).append(row)
    return {title: rows[1:] for title, rows in out.items()}


TABLES = tables()
SECTIONS = {int(n): name for n, name in TABLES["Sections"]}
KEYS = {int(n): name for n, name, _ in TABLES["Keys"]}
CODING = {name: coding for _, name, coding in TABLES["Keys"]}
WORDS = {int(n): word for n, word in TABLES["Words"]}
GENESIS = {kind: (int(n), names.split(", ")) for kind, n, names in TABLES["Sections of the genesis, in their order"]}
NOBODY = str(uuid.UUID(int=0))


# [6] Runs and changes
def read_run(r, new_work=False):
    doc = r.doc()
    actors = r.list(r.actor, False)
    first, count = r.uint(), r.uint()
    must(first and count, "changes")
    run = {"doc": doc, "actor": actors[0], "changes": []}
    used, time, last = [actors[0]], 0, {}

    def name(names):
        number = r.uint()
        if number:
            must(number in names, "number")
            return names[number]
        spelled = r.text()
        must(re.fullmatch("[a-z][a-z0-9_]{0,63}", spelled) and spelled not in names.values(), "name")
        return spelled

    def actor():
        who = actors[r.uint()]
        if who not in used:
            used.append(who)
        return who

    def value(key):
        tag = r.u8()
        if tag == 3:
            coding = CODING.get(key)
            base = time if coding == "time" else last.get(key, 0) if coding == "delta" else 0
            last[key] = wrap(base + r.int())
            return last[key]
        if tag == 4:
            text = r.text()
            must(text not in WORDS.values(), "a word spelled out")
            return text
        if tag == 6:
            return WORDS[r.uint()]
        if tag in (5, 7, 8):
            data = r.bytes() if tag == 5 else r.raw(16 if tag == 7 else 32)
            must(tag != 5 or len(data) not in (16, 32), "bytes")
            return {"bytes": data.hex()}
        must(tag < 3, "value")
        return (None, False, True)[tag]

    def entry():
        number = r.uint()
        tag = number & 3
        section = SECTIONS[number >> 2] if number >> 2 else r.text()
        must(number >> 2 or section not in SECTIONS.values(), "section")
        if tag == 0:
            ms = wrap(time + r.int())
            fact = {"section": section, "id": str(uuid.UUID(bytes=ms.to_bytes(6, "big") + r.raw(10)))}
            pairs = []
            for _ in range(r.uint()):
                key = name(KEYS)
                pairs.append((key, value(key)))
            must(all(a[0] < b[0] for a, b in zip(pairs, pairs[1:])), "order of keys")
            must(all(v is not None for _, v in pairs), "null in a fact")
            return {"fact": dict(fact, record=dict(pairs))}
        if tag == 1:
            key = name(KEYS)
            set_to = value(key)
            ops = [{"counter": r.uint(), "actor": actor()} for _ in range(r.uint())]
            order = [(op["counter"], raw(op["actor"])) for op in ops]
            must(order == sorted(set(order)), "order of replaced values")
            return {"field": {"section": section, "key": key, "value": set_to, "replaces": ops}}
        must(tag == 2, "entry")
        return {"section": section}

    for seq in range(first, first + count):
        time = wrap(time + r.int())
        counts, after = r.uint(), []
        if counts & 1:
            after = r.list(lambda: {"actor": actor(), "seq": r.uint()}, False)
            order = [(raw(dep["actor"]), dep["seq"]) for dep in after]
            must(order == sorted(set(order)), "order of dependencies")
            must(not new_work or {"actor": actors[0], "seq": seq - 1} not in after, "implied")
            must(not new_work or seq > 1 or after != [{"actor": NOBODY, "seq": 1}], "implied")
        must(counts >> 1, "a change without entries")
        entries = [entry() for _ in range(counts >> 1)]
        run["changes"].append({"seq": seq, "time": time, "after": after, "entries": entries})
    must(used == actors, "actors")
    run["last_hash"] = r.raw(32).hex()
    return run


def read_attested(r):
    run, flags = read_run(r), r.u8()
    must(flags < 4, "author")
    user = r.id() if flags & 1 else None
    device = r.id() if flags & 2 else None
    return {"run": run, "user": user, "device": device, "receipt": r.raw(16).hex()}


# [5] Frames
def open_frame(frame):
    must(len(frame) >= 3 and frame[0] == 1 and frame[2] < 2, "frame")
    return frame[1], zlib.decompress(frame[3:], -15) if frame[2] else frame[3:]


def read_request(frame):
    kind, body = open_frame(frame)
    must(kind == 1, "a request")
    r = Reader(body)
    out = {"epoch": r.u64(), "cursor": r.uint(), "runs": [], "signature": None, "inventory": None}
    flags = r.uint()
    must(flags < 16, "flags")
    out["more"] = bool(flags & 8)

    def sent():
        tag = r.u8()
        must(tag < 3, "tag")
        return {"signed": read_run(r, True)} if tag == 0 else {("brought_back", "orphaned")[tag - 1]: read_attested(r)}

    if flags & 1:
        out["runs"] = r.list(sent, False)
    if flags & 2:
        must(any("signed" in run for run in out["runs"]), "signature")
        out["signature"] = r.raw(64).hex()
    if flags & 4:
        out["inventory"] = r.list(lambda: {"doc": r.doc(), "fingerprint": r.u64()})
    r.end()
    return out, body


def read_answer(frame):
    kind, body = open_frame(frame)
    r = Reader(body)
    if kind == 3:
        out = {"code": r.text(), "sentence": r.text(), "retry_after_ms": r.uint()}
    elif kind == 4:
        out = {}
    else:
        must(kind == 2, "a response")
        out = {"epoch": r.u64(), "cursor": r.uint(), "digest": r.u64(), "server_time": r.int(), "retry_after_ms": r.uint()}
        flags = r.uint()
        must(flags < 128, "flags")
        out.update(more=bool(flags & 1), resync=bool(flags & 2), verdicts=[], runs=[], whole=[], released=[], unknown=[])

        def group():
            n = r.uint()
            tag = n & 7
            if tag == 1:
                verdict = {"refused": {"code": r.text(), "sentence": r.text()}}
            elif tag == 4:
                verdict = {"missing": r.list(lambda: {"actor": r.actor(), "seq": r.uint()})}
            elif tag == 5:
                verdict = {"later": r.text()}
            else:
                verdict = {0: "durable", 2: "reauthor", 3: "fork"}[tag]
            must(n >> 3 and out["verdicts"][-1:] != [verdict], "groups")
            out["verdicts"] += [verdict] * (n >> 3)

        if flags & 4:
            r.list(group, False)
        if flags & 8:
            out["runs"] = r.list(lambda: read_attested(r), False)
        for flag, name in ((16, "whole"), (32, "released"), (64, "unknown")):
            if flags & flag:
                out[name] = r.list(r.doc, False)
    r.end()
    return out, body
