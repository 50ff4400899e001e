"""Broken files of spectrometers and ICP-OES: only a `PerovecError` of one line may come out."""

import contextlib
import resource
import time
from pathlib import Path

import instrument_samples as samples
import numpy as np
import pytest
from test_readers_fuzz import SEEDS as OTHERS
from test_readers_fuzz import WITHOUT_SAMPLE, mutate

from perovec_bayes.errors import PerovecError
from perovec_bayes.readers import READERS, Source, describe, read
from perovec_bayes.readers.foreign import refuse

ICP = {"solute": "CsPbBr3", "solvent": "PC", "ppm_is": "mg/L"}
CALIBRATED = {
    "standards": samples.STANDARDS,
    "blanks": ["Blank"],
    "lines": ["Pb Ax 220.353", "Cs R 455.531"],
    "solute": "CsPbBr3",
    "solvent": "PC",
}
KINETIC = {"frame_interval": {"value": 1, "unit": "s"}}
SEEDS = {
    "ocean": ("ocean", samples.ocean(), {}),
    "ocean, series": ("ocean", samples.ocean_series(), {"quantity": "intensity"}),
    "ocean, Jaz": ("ocean", samples.jaz(), {}),
    "avantes": ("avantes", samples.avantes(padded=True), {}),
    "avantes_binary": ("avantes_binary", samples.avantes8(2), {}),
    "avantes_binary, 82": ("avantes_binary", samples.avantes8(version=b"AVS82", rest=0), {}),
    "avantes_binary, 70": ("avantes_binary", samples.avantes7(), {}),
    "avantes_binary, 60": ("avantes_binary", samples.avantes7(version=60, single=True), {}),
    "stellarnet": ("stellarnet", samples.stellarnet(), {}),
    "emission_scan": ("emission_scan", samples.emission_scan(), {}),
    "andor_asc": ("andor_asc", samples.andor_asc(3, interval=0.5), {}),
    "andor_sif": ("andor_sif", samples.andor_sif(2), {}),
    "princeton_spe": ("princeton_spe", samples.princeton_spe(2), KINETIC),
    "princeton_spe, LightField": ("princeton_spe", samples.lightfield_spe(3), {}),
    "ivium_idf": ("ivium_idf", samples.ivium(), {}),
    "ivium_idf, steps": ("ivium_idf", samples.ivium(method="Transients"), {}),
    "agilent_845x": ("agilent_845x", samples.agilent_kd(), {}),
    "jcamp": ("jcamp", samples.jcamp(), {}),
    "jcamp, packed": ("jcamp", samples.jcamp("450A00J0jT%SB5q2\n", count=9), {}),
    "spectra_table": ("spectra_table", samples.spectra_table(), {"quantity": "intensity"}),
    "spectra_table, across": ("spectra_table", samples.spectra_table(across=True), {}),
    "agilent_icp": ("agilent_icp", samples.AGILENT_ICP, {}),
    "agilent_icp, calibrated": ("agilent_icp", samples.AGILENT_ICP, CALIBRATED),
    "qtegra": ("qtegra", samples.qtegra(), ICP),
    "qtegra, turned": ("qtegra", samples.turned(samples.qtegra()), ICP),
    "perkinelmer_icp": ("perkinelmer_icp", samples.perkinelmer_icp(), {}),
    "perkinelmer_asc": ("perkinelmer_asc", samples.perkinelmer_asc(), {}),
    "genesys": ("genesys", samples.genesys(scans=2), {}),
    "cary": ("cary", samples.cary(), {"column": 2}),
    "cary, report": ("cary", samples.cary(report=True), {"column": 2}),
}
LONGEST_S = 2.0
MOST_GROWTH_KB = 500_000


def seed(name):
    format, content, options = SEEDS[name]
    return format, content if isinstance(content, bytes) else content.encode(), options


def fuzz(name, rounds):
    format, raw, options = seed(name)
    rng = np.random.default_rng(20240607)
    read_well, messages, longest = 0, [], 0.0
    for _ in range(rounds):
        source = Source(Path("broken.dat"), mutate(raw, rng))
        begin = time.process_time()
        try:
            READERS[format].sniff(source)
            with contextlib.suppress(PerovecError):
                refuse(source)
            ds = READERS[format].read(source, {}, options)
        except PerovecError as error:
            messages.append(str(error))
        else:
            read_well += 1
            assert str(describe(ds))
        longest = max(longest, time.process_time() - begin)
    assert not any("\n" in message for message in messages)
    assert 0 < read_well < rounds
    assert longest < LONGEST_S


@pytest.mark.parametrize("name", SEEDS)
def test_only_our_own_errors_escape(name):
    fuzz(name, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_only_our_own_errors_escape_10_000_times(name):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzz(name, 10_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH_KB


def test_detection_of_broken_files(tmp_path):
    rng = np.random.default_rng(7)
    path = tmp_path / "broken.dat"
    for i in range(2 * len(SEEDS)):
        _, raw, _ = seed(list(SEEDS)[i % len(SEEDS)])
        path.write_bytes(mutate(raw, rng))
        with contextlib.suppress(PerovecError):
            read(path)


@pytest.mark.parametrize("name", SEEDS)
def test_every_sample_is_known_by_its_content(name, tmp_path):
    format, raw, _ = seed(name)
    path = tmp_path / "a.dat"
    path.write_bytes(raw)
    source = Source.open(path)
    assert next(key for key, reader in READERS.items() if reader.sniff(source)) == format


def test_every_reader_is_fuzzed():
    assert set(READERS) == set(OTHERS) | WITHOUT_SAMPLE | {format for format, *_ in SEEDS.values()}
