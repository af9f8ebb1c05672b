"""Images, PDFs and EPUBs with statements of rights, made byte by byte."""

import io
import struct
import zipfile
import zlib

UUID = bytes.fromhex("6362 6f72 0011 0010 8000 00aa 0038 9b71")


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def superbox(label, *content):
    return box(b"jumb", box(b"jumd", UUID + b"\x03" + label.encode() + b"\0") + b"".join(content))


def manifest(*assertions):
    """A C2PA store with one manifest: c2pa / urn / c2pa.assertions / assertion."""
    return superbox("c2pa", superbox("urn:uuid:1", superbox("c2pa.assertions", *assertions)))


def cbor(value):
    """CBOR of maps, lists, texts, whole numbers, booleans."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value)
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def _head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    return bytes([major << 5 | 25]) + struct.pack(">H", number)


def mining(use, label="cawg.training-mining", name="cawg.ai_generative_training"):
    return superbox(label, box(b"cbor", cbor({"entries": {name: {"use": use}}})))


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def jpeg(store=b"", xmp=b"", pieces=1):
    """A JPEG whose JUMBF stands in so many APP11 segments."""
    made = b"\xff\xd8" + (segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp) if xmp else b"")
    if store:
        head, rest = store[:8], store[8:]
        size = -(-len(rest) // pieces)
        cuts = [rest[at : at + size] for at in range(0, len(rest), size)]
        made += b"".join(segment(0xEB, b"JP" + struct.pack(">HI", 1, n) + head + cut) for n, cut in enumerate(cuts, 1))
    return made + b"\xff\xda\0\x02scan\xff\xd9"


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(store=b"", xmp=b"", deflated=False):
    text = b"XML:com.adobe.xmp\0" + (b"\1" if deflated else b"\0") + b"\0\0\0" + (zlib.compress(xmp) if deflated else xmp)
    chunks = [chunk(b"IHDR", bytes(13)), *([chunk(b"caBX", store)] if store else []), *([chunk(b"iTXt", text)] if xmp else [])]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def packet(attributes="", inside="", **namespaces):
    bound = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"} | namespaces
    xmlns = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in bound.items())
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description {xmlns} {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'.encode()


PLUS, TDM, CC = "http://ns.useplus.org/ldf/xmp/1.0/", "http://www.w3.org/ns/tdmrep/", "http://creativecommons.org/ns#"


def data_mining(term):
    """The IPTC guideline's example, as an attribute."""
    return packet(f'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-{term}"', plus=PLUS)


def pdf(xmp, deflated=False):
    stream = zlib.compress(xmp) if deflated else xmp
    way = b" /Filter /FlateDecode" if deflated else b""
    head = b"%PDF-1.7\n1 0 obj << /Type /Metadata /Subtype /XML" + way + b" /Length " + str(len(stream)).encode() + b" >>\nstream\n"
    return head + stream + b"\nendstream endobj\n%%EOF"


def epub(metadata, path="OEBPS/package.opf"):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("mimetype", "application/epub+zip")
        packed.writestr("META-INF/container.xml", f'<container><rootfiles><rootfile full-path="{path}"/></rootfiles></container>')
        packed.writestr(path, f'<package prefix="tdm: http://www.w3.org/ns/tdmrep#"><metadata>{metadata}</metadata></package>')
    return held.getvalue()
