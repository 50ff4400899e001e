"""Broken files: whatever is in them, only a `PerovecError` of one line may come out."""

import contextlib
import time

import numpy as np
import pytest
import reader_samples as samples
from reader_samples import mpt

from perovec_bayes.errors import PerovecError
from perovec_bayes.readers import READERS, Source, describe, read

CV = "\n".join(["t,E,I,cycle", *(f"{i},{i % 7 / 10},{i * 1e-6},{1 + i // 20}" for i in range(40))])
ICP = """sample,element,solute,solvent,replicate,value,unit,sd,dilution,lod
A,Pb,CsPbBr3,DCM,1,50,ug/L,2,1,5
A,Pb,CsPbBr3,DCM,2,ND,ug/L,,1,5
A,Cs,CsPbBr3,DCM,1,<20,ug/L,,,5
"""
MAPPING = {
    "columns": {
        "time": {"name": "t", "unit": "s"},
        "potential": {"name": "E", "unit": "V"},
        "current": {"name": "I", "unit": "A"},
        "cycle": {"name": "cycle"},
    }
}
META = {"current_sign": "anodic_positive"}
SCAN_RATE = {"scan_rate": {"value": 50, "unit": "mV/s"}}
SEEDS = {
    "biologic_mpt": (mpt(cycles=1).encode(), {}, {}),
    "delimited": (CV.encode(), META, MAPPING),
    "icp_table": (ICP.encode(), {}, {}),
    "gamry_dta": (samples.gamry(detector=True).encode(), {}, {}),
    "versastudio_par": (samples.versastudio().encode(), {}, {}),
    "chi_txt": (samples.chi().encode(), {}, {}),
    "palmsens_session": (samples.session(), {}, {}),
    "pstrace_csv": (samples.pstrace().encode("utf-16"), {}, SCAN_RATE),
    "ixdat_csv": (samples.ixdat().encode(), {}, {}),
    "nova": (samples.columns(samples.NOVA, ";").encode(), {}, {}),
    "biologic_txt": (samples.columns(samples.BIOLOGIC).encode(), {}, {}),
    "labelled_table": (
        samples.columns({"t/s": "{t}", "E/V": "{E}", "I/A": "{I}"}).encode(),
        {},
        {},
    ),
    "echemdb": (samples.ECHEMDB.encode(), {}, {}),
}
WITHOUT_SAMPLE = {"biologic_mpr"}
"""Read by another package, which is not here; a broken one is refused before it is parsed."""
SCRAPS = [b"", b"\n", b"\t", b",", b'"', b"-", b"E+999", b"nan", b"<", b"\xff\xfe", b"\0", b"1e400",
          b"\xef\xbb\xbf", b"0", b"9" * 30, "µ".encode(), b"\r", b"#", b" : ", b"True"]  # fmt: skip


def mutate(raw, rng):
    """Cut, repeat, overwrite or insert at random places."""
    raw = bytearray(raw)
    for _ in range(rng.integers(1, 4)):
        i, j = sorted(rng.integers(0, len(raw) + 1, 2))
        j = min(j, i + int(rng.integers(1, 200)))
        kind = rng.integers(5)
        if kind == 0:
            del raw[i:j]
        elif kind == 1:
            raw[j:j] = raw[i:j]
        elif kind == 2:
            raw[i : i + 1] = SCRAPS[rng.integers(len(SCRAPS))]
        elif kind == 3:
            raw[i : i + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
        else:
            del raw[i:]
        raw = raw or bytearray(b" ")
    return bytes(raw)


def fuzz(format, times, seed, folder):
    """Read broken files; return how many could be read all the same."""
    raw, meta, mapping = SEEDS[format]
    path = folder / "broken.dat"
    (folder / "broken.yaml").write_text(samples.YAML)
    rng = np.random.default_rng(seed)
    read_well, messages = 0, []
    for _ in range(times):
        broken = mutate(raw, rng)
        if format == "echemdb" and rng.random() < 0.3:
            (folder / "broken.yaml").write_bytes(mutate(samples.YAML.encode(), rng))
        begin = time.process_time()
        try:
            ds = READERS[format].read(Source(path, broken), meta, mapping)
        except PerovecError as error:
            messages.append(str(error))
        else:
            read_well += 1
            assert str(describe(ds))
        assert time.process_time() - begin < 2.0
    assert not any("\n" in message for message in messages)
    return read_well


@pytest.mark.parametrize("format", SEEDS)
def test_only_our_own_errors_escape(format, tmp_path):
    times = 120
    assert 0 < fuzz(format, times, 20240607, tmp_path) < times


@pytest.mark.slow
@pytest.mark.parametrize("format", SEEDS)
def test_only_our_own_errors_escape_ten_thousand_times(format, tmp_path):
    assert 0 < fuzz(format, 10_000, 7, tmp_path) < 10_000


def test_detection_of_broken_files(tmp_path):
    rng = np.random.default_rng(7)
    path = tmp_path / "broken.dat"
    for i in range(65):
        raw, _, _ = list(SEEDS.values())[i % len(SEEDS)]
        path.write_bytes(mutate(raw, rng))
        with contextlib.suppress(PerovecError):
            read(path)
