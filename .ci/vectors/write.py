"""The other way: runs and requests to bytes (docs/protocol.md, 5 and 6)."""
import zlib

from wire import CODING, GENESIS, KEYS, SECTIONS, WORDS, raw, sized, uint, zigzag

SECTION_NUMBERS, KEY_NUMBERS, WORD_NUMBERS = ({name: n for n, name in names.items()} for names in (SECTIONS, KEYS, WORDS))


def write_doc(doc):
    return bytes([GENESIS[doc["kind"]][0]]) + raw(doc["id"])


def write_run(run):
    actors, time, last = [run["actor"]], 0, {}

    def number(actor):
        if actor not in actors:
            actors.append(actor)
        return uint(actors.index(actor))

    def section(name, tag):
        known = SECTION_NUMBERS.get(name)
        return uint(known << 2 | tag) if known else uint(tag) + sized(name.encode())

    def key(name):
        known = KEY_NUMBERS.get(name)
        return uint(known) if known else uint(0) + sized(name.encode())

    def value(name, it):
        if it is None or isinstance(it, bool):
            return bytes([{None: 0, False: 1, True: 2}[it]])
        if isinstance(it, int):
            coding = CODING.get(name)
            base = time if coding == "time" else last.get(name, 0) if coding == "delta" else 0
            last[name] = it
            return b"\3" + zigzag(it - base)
        if isinstance(it, str):
            return b"\6" + uint(WORD_NUMBERS[it]) if it in WORD_NUMBERS else b"\4" + sized(it.encode())
        data = bytes.fromhex(it["bytes"])
        return {16: b"\7" + data, 32: b"\x08" + data}.get(len(data), b"\5" + sized(data))

    def entry(it):
        if "section" in it:
            return section(it["section"], 2)
        if "field" in it:
            field = it["field"]
            out = section(field["section"], 1) + key(field["key"]) + value(field["key"], field["value"])
            return out + uint(len(field["replaces"])) + b"".join(uint(op["counter"]) + number(op["actor"]) for op in field["replaces"])
        fact = it["fact"]
        data = raw(fact["id"])
        out = section(fact["section"], 0) + zigzag(int.from_bytes(data[:6], "big") - time) + data[6:] + uint(len(fact["record"]))
        return out + b"".join(key(name) + value(name, fact["record"][name]) for name in sorted(fact["record"]))

    changes = b""
    for change in run["changes"]:
        changes += zigzag(change["time"] - time) + uint(len(change["entries"]) << 1 | bool(change["after"]))
        time = change["time"]
        if change["after"]:
            changes += uint(len(change["after"])) + b"".join(number(dep["actor"]) + uint(dep["seq"]) for dep in change["after"])
        changes += b"".join(map(entry, change["entries"]))
    table = uint(len(actors)) + b"".join(map(raw, actors))
    first = uint(run["changes"][0]["seq"]) + uint(len(run["changes"]))
    return write_doc(run["doc"]) + table + first + changes + bytes.fromhex(run["last_hash"])


def write_attested(it):
    flags = bool(it["user"]) | bool(it["device"]) << 1
    who = b"".join(raw(it[name]) for name in ("user", "device") if it[name])
    return write_run(it["run"]) + bytes([flags]) + who + bytes.fromhex(it["receipt"])


def write_request(it):
    flags = bool(it["runs"]) | bool(it["signature"]) << 1 | (it["inventory"] is not None) << 2 | it["more"] << 3
    out = bytes.fromhex(it["epoch"]) + uint(it["cursor"]) + uint(flags)
    if it["runs"]:
        out += uint(len(it["runs"]))
    for sent in it["runs"]:
        (origin, what), = sent.items()
        out += bytes([("signed", "brought_back", "orphaned").index(origin)])
        out += write_run(what) if origin == "signed" else write_attested(what)
    out += bytes.fromhex(it["signature"] or "")
    if it["inventory"] is not None:
        out += uint(len(it["inventory"])) + b"".join(write_doc(held["doc"]) + bytes.fromhex(held["fingerprint"]) for held in it["inventory"])
    return out


def frame(kind, body):
    deflate = zlib.compressobj(wbits=-15)
    short = deflate.compress(body) + deflate.flush()
    return bytes([1, kind, 1]) + short if len(body) >= 128 and len(short) < len(body) else bytes([1, kind, 0]) + body
