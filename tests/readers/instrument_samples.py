"""Small files in the forms that spectrometers and ICP-OES instruments write, made here."""

import itertools
import struct

import numpy as np

NM = np.linspace(450.0, 700.0, 26)


def spectrum(nm=NM, centre=520.0):
    """A band on a slope, positive."""
    return 100.0 + 0.1 * nm + 900.0 * np.exp(-(((nm - centre) / 20.0) ** 2))


def ocean(*, decimal=".", newline="\r\n", end=True, pixels=None, header=()):
    rows = [f"{x:.2f}\t{y:.3f}".replace(".", decimal) for x, y in zip(NM, spectrum(), strict=True)]
    top = [
        "SpectraSuite Data File",
        "++++++++++++++++++++++++++++++++++++",
        "Date: Mon Jan 14 17:36:35 CET 2008",
        "User: someone",
        "Integration Time (usec): 20000 (USB4A00001)",
        *header,
        f"Number of Pixels in Processed Spectrum: {pixels or len(rows)}",
        ">>>>>Begin Processed Spectral Data<<<<<",
    ]
    return newline.join([*top, *rows, *([">>>>>End Processed Spectral Data<<<<<"] if end else [])])


def ocean_series(frames=4, *, second_clock=False, date="2024-05-17 "):
    rows = []
    for i in range(frames):
        cells = [f"{y * (1 + 0.1 * i):.2f}" for y in spectrum()]
        clock = [str(1715934600000 + 500 * i)] if second_clock else []
        rows.append("\t".join([f"{date}10:30:{i / 2:09.6f}", *clock, *cells]))
    top = [
        "Data from run.txt Node",
        "",
        "Date: Fri May 17 10:29:58 GMT+02:00 2024",
        "Integration Time (sec): 1.000000E-1",
        "XAxis mode: Wavelengths",
        f"Number of Pixels in Spectrum: {NM.size}",
        ">>>>>Begin Spectral Data<<<<<",
        "\t" + "\t".join(f"{x:.2f}" for x in NM),
    ]
    return "\n".join([*top, *rows]) + "\n"


def jaz():
    top = ["Jaz Data File", "+++", "Integration Time (usec): 24000 (JAZ)", ">>>>>Begin Data<<<<<"]
    rows = [f"{x:.3f}\t10.0\t2000.0\t{y:.3f}\t0.5" for x, y in zip(NM, spectrum(), strict=True)]
    return "\n".join([*top, "W\tD\tR\tS\tP", *rows, ">>>>>End Data<<<<<"]) + "\n"


def avantes(*, decimal=".", padded=False, ratio="Transmittance", unit="[%]"):
    rows = [
        f"{x:.2f};{y:.3f};10.000;2000.000;{100 * (y - 10) / 1990:.4f}".replace(".", decimal)
        for x, y in zip(NM, spectrum(), strict=True)
    ]
    name = "1305084U1" + ("\0" * 20 if padded else "")
    top = [
        "",
        "Integration time [ms]:  95.00".replace(".", decimal),
        "Averaging Nr. [scans]: 20",
        f"Data measured with spectrometer [name]: {name}",
        "Timestamp [10 microsec ticks]2585261312",
        f"Wave   ;Sample   ;Dark     ;Reference;{ratio}",
        f"[nm]   ;[counts] ;[counts] ;[counts] ;{unit}",
        "",
    ]
    return "\r\n".join([*top, *rows, ""])


def stellarnet(mode="ABSOR"):
    rows = [f" {x:.2f}  {y / 1000:.4E}" for x, y in zip(NM, spectrum(), strict=True)]
    top = [
        '" File: Users\\a\\film  ',
        f'"  {mode}->  Wave:630.87nm  Pix:1050  Val:  0.013  Time: 25ms  Avg:1  Sm:1  ',
    ]
    return "\r\n".join([*top, *rows, ""])


def emission_scan(scans=1):
    names = ",".join(f"film{i + 1}" for i in range(scans)) + ","
    keys = {
        "Labels": names,
        "Type": "Emission Scan," * scans,
        "Start": "450.00," * scans,
        "Fixed/Offset": "367.00," * scans,
        "Xaxis": "Wavelength," * scans,
        "Yaxis": "Counts," * scans,
        "Dwell Time": "0.50," * scans,
    }
    top = [f"{key},{value}" for key, value in keys.items()]
    rows = [
        f"{x:.2f}," + "".join(f"{y * (i + 1):.8E}," for i in range(scans))
        for x, y in zip(NM, spectrum(), strict=True)
    ]
    return "\n".join([*top, "", *rows, ""])


def andor_asc(frames=1, *, kind="Counts", interval=None):
    rows = [
        f"{x:.5f}\t" + "\t".join(f"{y * (i + 1):.6g}" for i in range(frames))
        for x, y in zip(NM, spectrum(), strict=True)
    ]
    settings = [
        "",
        "",
        "Date and Time:                Fri Sep  8 15:03:52 2017",
        "Temperature (C):              -50",
        f"Data Type:                    {kind}",
        "Acquisition Mode:             Accumulate",
        "Exposure Time (secs):         0.1",
        *([f"Kinetic Cycle Time (secs):    {interval}"] if interval else []),
        "Readout Mode:                 Full Vertical Binning",
        "Wavelength (nm):              560",
        "",
    ]
    return "\r\n".join([*rows, *settings])


def andor_sif(frames=1, *, cycle=0.5, flag=b"1", rows=1):
    width = NM.size
    slope = (NM[-1] - NM[0]) / (width - 1)
    head = [
        b"Andor Technology Multi-Channel File",
        b"65538 1",
        b"65567 0 0 1 1504875832 -50 \0 \0 \0 \x02 \0 0 0.1 0.1 0.1 1 \0 %f 3e-08 0 1" % cycle,
        b"DU888_BV ",
        b" 26 26 66",
        b"C:\\run.sif ",
        b"65538 8",
        b"\0\x01\n\0\xff\0\n\0",
        b"65538 0 26 26 0 0 1 1 1 1",
        b"65540 \x02 \0 \x01 \0 \x01 \0",
        b"%.12f %.12f 0 0 " % (NM[0] - slope, slope),
        b"0 1 0 0",
        b"0 1 0 0",
        b"422",
        b"13",
        b"13",
        b"1",
        b"10",
        b"Wavelength6",
        b"Counts12",
        b"Pixel number65541 1 26 26 1 %d 1 %d %d" % (frames, frames * width * rows, width * rows),
        b"65538 1 %d 26 1 %d 1 0" % (rows, rows) if rows == 1 else b"65538 1 2 26 1 1 1 0",
        *(b"%10d" % round(i * cycle * 1e6) for i in range(frames)),
        flag,
        *(b"%20d" % 1122186 for _ in range(frames if flag == b"1" else 0)),
        b"",
    ]
    counts = np.concatenate([spectrum() * (i + 1) for i in range(frames)]).astype("<f4")
    return b"\n".join(head) + counts.tobytes() + b"0\n0\n<?xml version='1.0'?><a/>"


def princeton_spe(
    frames=1,
    *,
    kind=0,
    version=2.5,
    unit=4,
    label=b"Wavelength",
    height=1,
    valid=1,
    columns=(0, 0, 0),
    nm=NM,
):
    raw = bytearray(4100)
    slope = (nm[-1] - nm[0]) / (nm.size - 1)
    struct.pack_into("<3H", raw, 1512, *columns)
    struct.pack_into("<f", raw, 10, 0.02)
    raw[20:29] = b"21Nov2024"
    struct.pack_into("<H", raw, 42, nm.size)
    struct.pack_into("<H", raw, 108, kind)
    raw[172:178] = b"112932"
    struct.pack_into("<H", raw, 656, height)
    struct.pack_into("<i", raw, 1446, frames)
    struct.pack_into("<f", raw, 1992, version)
    struct.pack_into("<I", raw, 2996, 0x01234567)
    struct.pack_into("<BBBB", raw, 3098, valid, 0, unit, 3)
    struct.pack_into("<4d", raw, 3263, nm[0] - slope, slope, 0.0, 0.0)
    raw[3321 : 3321 + len(label)] = label
    form = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 5: "<f8"}[kind]
    counts = np.concatenate([spectrum(nm) * (i + 1) for i in range(frames)])
    return bytes(raw) + counts.astype(form).tobytes()


def agilent_kd(frames=3, *, times=None):
    def words(text):
        return text.encode("utf-16-le")

    body = [b"\x0232\x00\x0dREGISTER FILE" + b"\0" * 30]
    day = "Fri Mar 31 16:45:14 2023"
    body.append(words("TimeOfDay") + b"w" + b"\0" * 5 + bytes([len(day)]) + b"\0" + words(day))
    for i in range(frames):
        time = 1.2 + 5.0 * i if times is None else times[i]
        count = struct.pack("<I", NM.size)
        step = (NM[-1] - NM[0]) / (NM.size - 1)
        body += [
            b"CHPDatDoubleRow\0",
            words("Absorbance (AU)") + b"\0\0\xff\xff" + count + b"\0",
            (spectrum() / 1000 * (1 + 0.1 * i)).astype("<f8").tobytes(),
            words("Wavelength (nm)") + b"\0\0\xff\xff" + count + b"\x01\x01" + b"\0" * 16,
            struct.pack("<2d", NM[0], step),
            words("RelTime") + b"\x11" + b"\0" * 5 + struct.pack("<d", time),
        ]
    return b"".join(body)


def jcamp(data=None, *, form="XYDATA=(X++(Y..Y))", count=None, header=(), units="NANOMETERS"):
    if data is None:
        rows = np.round(spectrum()).astype(int).reshape(2, 13)
        data = "\n".join(
            " ".join([f"{NM[13 * i]:.1f}", *map(str, row)]) for i, row in enumerate(rows)
        )
    top = [
        "##TITLE= film",
        "##JCAMP-DX= 4.24 $$ made here",
        "##DATA TYPE= UV/VIS SPECTRUM",
        "##DATE= 2024/05/17",
        f"##XUNITS= {units}",
        "##YUNITS= ABSORBANCE",
        "##XFACTOR= 1.0",
        "##YFACTOR= 0.001",
        *header,
        f"##FIRSTX= {NM[0]}",
        f"##LASTX= {NM[-1]}",
        f"##NPOINTS= {count or NM.size}",
        f"##{form}",
    ]
    return "\n".join([*top, data, "##END=", ""])


def spectra_table(*, across=False, frames=4, delimiter=",", decimal=".", first=None):
    times = [0.5 * i for i in range(frames)]
    table = np.array([spectrum() / 1000 * (1 + 0.1 * i) for i in range(frames)])
    if across:
        rows = [[first or "Time (s)", *(f"{x:.1f} nm" for x in NM)]]
        rows += [[f"{t}", *(f"{a:.5f}" for a in row)] for t, row in zip(times, table, strict=True)]
    else:
        rows = [[first or "Wavelength (nm)", *(f"{t} s" for t in times)]]
        rows += [
            [f"{x:.1f}", *(f"{a:.5f}" for a in row)] for x, row in zip(NM, table.T, strict=True)
        ]
    lines = [delimiter.join(cell.replace(".", decimal) for cell in row) for row in rows]
    return "\n".join(lines) + "\n"


AGILENT_ICP = """Rack:Tube,Solution Label,Pb Ax 220.353 nm c/s,Pb R 261.418 nm c/s,Cs R 455.531 c/s
1:1,Blank,101.0,10.5,20.1
1:2,Std 1,1098.0,60.2,119.5
1:3,Std 2,2104.0,110.9,220.3
1:4,Std 3,4095.0,209.7,421.0
1:5,Std 4,8105.0,410.1,819.2
1:6,film A,3105.0,160.0,310.0
1:7,film A,3121.0,161.0,####
1:8,film B,102.0,10.8,--
"""
STANDARDS = {
    f"Std {i}": {
        "Pb": {"value": c, "unit": "mg/L"},
        "Cs": {"value": 2 * c, "unit": "mg/L"},
    }
    for i, c in zip((1, 2, 3, 4), (1.0, 2.0, 4.0, 8.0), strict=True)
}


def qtegra(*, delimiter="\t", decimal=".", unit="ppm"):
    lines = ["Pb 220.353 {153} (Axial)", "Cs 455.531 {74} (Radial)"]
    blocks = {
        "Raw.Average": "Y (cps)",
        "ExtCal.Average": f"Y ({unit})",
        "ExtCal.STD": f"Y ({unit})",
        "ExtCal.LOD": f"Y ({unit})",
        "ExtCal.StandardConcentration": f"Y ({unit})",
    }
    rows = [
        ["", "", *(name for name in blocks for _ in lines)],
        ["", "", *("0" for _ in blocks for _ in lines)],
        ["", "", *(line for _ in blocks for line in lines)],
        ["", "", *(written for written in blocks.values() for _ in lines)],
    ]
    body = [
        ("blank", "100.5 20.1", "0 0", "0.001 0.001", "0.02 0.05", "0 0"),
        ("S1", "1098.2 119.5", "1.001 0.99", "0.002 0.001", "0.02 0.05", "1 1"),
        ("S2", "2104.7 220.3", "1.99 2.01", "0.003 0.002", "0.02 0.05", "2 2"),
        ("S4", "4095.1 421.2", "4.01 3.98", "0.004 0.003", "0.02 0.05", "4 4"),
        ("S8", "8105.9 819.4", "8.02 8.01", "0.005 0.004", "0.02 0.05", "8 8"),
        ("film A", "3105.3 310.6", "3.001 2.9", "0.002 0.001", " ", " "),
        ("film A", "3121.8 305.2", "3.02 N/A", "0.002 0.001", " ", " "),
        ("film B", "99.5 15.3", "-0.003 <0.04", "0.002 0.001", " ", " "),
    ]
    for number, (label, *cells) in enumerate(body, start=1):
        parts = [part for cell in cells for part in (cell.split() or ["", ""])]
        rows.append([str(number), label, *(part.replace(".", decimal) for part in parts)])
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


def lightfield_spe(
    frames=1,
    *,
    pixel="MonochromeUnsigned16",
    regions=((26, 1),),
    binning=1,
    x=0,
    sensor=None,
    step=0.5,
    meta=True,
    glued=False,
    orientation="Normal",
    exposure='<ExposureTime type="Double">50</ExposureTime>',
    top="",
    nm=None,
):
    """A file of LightField; its first region holds `spectrum`, the others zeros."""
    form = {"Unsigned16": "<u2", "Unsigned32": "<u4", "Floating32": "<f4"}[pixel[10:]]
    item = np.dtype(form).itemsize
    sizes = [width * height * item for width, height in regions]
    width = regions[0][0]
    sensor = sensor or x + width * binning
    if nm is None:
        slope = (NM[-1] - NM[0]) / (NM.size - 1) / binning
        nm = NM[0] + slope * (np.arange(sensor) - x - (binning - 1) / 2)
    stride = sum(sizes) + (16 if meta else 0)
    body = b""
    for i in range(frames):
        body += (spectrum(nm=NM) * (1 + 0.1 * i)).astype(form).tobytes()
        body += bytes(sum(sizes) - NM.size * item)
        body += struct.pack("<2q", 1000 + round(i * step * 1e6), i + 1) if meta else b""
    mapping = "".join(
        f'<SensorMapping id="{3 + i}" x="{x}" y="0" height="{9 * h}" width="{w * binning}" '
        f'xBinning="{binning}" yBinning="9" />'
        for i, (w, h) in enumerate(regions)
    )
    blocks = "".join(
        f'<DataBlock type="Region" calibrations="{"2" if glued else f"2,{3 + i}"}" count="1" '
        f'width="{w}" height="{h}" size="{size}" stride="{size}" />'
        for i, ((w, h), size) in enumerate(zip(regions, sizes, strict=True))
    )
    stamps = (
        '<MetaFormat><MetaBlock id="1"><TimeStamp event="ExposureStarted" type="Int64" '
        'bitDepth="64" resolution="1000000" absoluteTime="2022-09-09T17:33:34.486337+02:00" />'
        '<FrameTrackingNumber type="Int64" bitDepth="64" /></MetaBlock></MetaFormat>'
    )
    footer = (
        f'{top}<SpeFormat version="3.0" xmlns="http://www.princetoninstruments.com/spe/2009">'
        f'<DataFormat><DataBlock type="Frame" count="{frames}" pixelFormat="{pixel}" '
        f'size="{sum(sizes)}" stride="{stride}">{blocks}</DataBlock></DataFormat>'
        f'{stamps if meta else ""}<Calibrations><WavelengthMapping id="1" '
        f'orientation="{orientation}"><Wavelength xml:space="preserve">'
        f"{','.join(f'{each:.12g}' for each in nm)}</Wavelength></WavelengthMapping>"
        f'<SensorInformation id="2" orientation="{orientation}" width="{sensor}" height="9" />'
        f'{"" if glued else mapping}</Calibrations><DataHistories><DataHistory id="1">'
        '<Origin created="2022-09-09T17:33:34.4643958+02:00"><Experiment xmlns:r="r">'
        f"<ShutterTiming>{exposure}</ShutterTiming></Experiment></Origin></DataHistory>"
        "</DataHistories></SpeFormat>"
    )
    head = bytearray(4100)
    struct.pack_into("<H", head, 108, {"<u2": 3, "<u4": 8, "<f4": 0}[form])
    struct.pack_into("<Q", head, 678, 4100 + len(body))
    struct.pack_into("<f", head, 1992, 3.0)
    struct.pack_into("<I", head, 2996, 0x01234567)
    return bytes(head) + body + footer.encode()


def turned(content, delimiter="\t"):
    """A table with rows and columns exchanged."""
    rows = [line.split(delimiter) for line in content.rstrip("\n").split("\n")]
    return "\n".join(delimiter.join(column) for column in zip(*rows, strict=True)) + "\n"


def perkinelmer_asc(*, kind="UV", ordinate="A", rows=None, drop=None):
    values = spectrum() / 1000 * (100 if "%" in ordinate else 1)
    lines = [f"{x:.6f}\t{y:.6f}" for x, y in zip(NM[::-1], values[::-1], strict=True)][:rows]
    if drop is not None:
        del lines[drop]
    top = [
        f"PE {kind}       SUBTECH     SPECTRUM    ASCII       PEDS        4.00        ",
        "   -1",
        "film.asc",
        *("24/05/17", "10:30:00.00") * 2,
        "someone",
        "film on FTO",
        f"{NM[0]:.6f}",
        *["0"] * 66,
        *("#HDR", "-1", "-1", "#GR", "nm", ordinate, "1.0", "0.0"),
        f"{NM[-1]:.6f}",
        f"{NM[0] - NM[1]:.6f}",
        f"{NM.size}",
        *("8", "1.0", "0.1", "#DATA"),
    ]
    return "\r\n".join([*top, *lines, ""])


def genesys(*, quoted=False, scans=1, mode="Absorbance"):
    def line(*cells):
        return ",".join(f'"{cell}"' if quoted else str(cell) for cell in cells)

    top = [
        line("TEST SETUP", *(() if quoted else ("",))),
        line("GENESYS 10S UV-Vis v4.006 2L9U091204", *(() if quoted else ("",))),
        "" if quoted else ",",
        line("Scanning", "12:29am 13Oct23"),
        line("Test Name ", "film[Saved]"),
        line("Measurement Mode", mode),
        "",
    ]
    body = []
    for scan in range(scans):
        body += [line("ID#", scan + 1), line("Wavelength", "Abs")]
        body += [
            f"{x:.1f},{y * (1 + 0.1 * scan):.5f}"
            for x, y in zip(NM, spectrum() / 1000, strict=True)
        ]
        body.append("")
    return "\r\n".join([*top, *body])


def cary(*, report=False, delimiter=",", decimal=".", ordinates=("Abs", "Abs", "%T"), short=True):
    """Three spectra side by side, falling wavelengths; the last one ends earlier."""
    names = [f"film {i}" for i in range(1, len(ordinates) + 1)]
    lead = [""] if report else []

    def line(cells):
        return delimiter.join(cells)

    rows = []
    for k, (x, y) in enumerate(zip(NM[::-1], spectrum()[::-1] / 1000, strict=True)):
        cells = []
        for i, _ in enumerate(ordinates):
            gone = short and i == len(ordinates) - 1 and k >= 20
            cells += ["", ""] if gone else [f"{x:.6f}", f"{y * (1 + 0.1 * i):.6f}"]
        rows.append(line([*lead, *(cell.replace(".", decimal) for cell in cells), ""]))
    heads = line([*lead, *(cell for o in ordinates for cell in ("Wavelength (nm)", o)), ""])
    over = [cell for name in names for cell in (name, "")]
    stamps = [f"5/17/2024 10:3{i}:00 AM" for i in range(len(ordinates))]
    if report:
        stamped = [cell for stamp in stamps for cell in (stamp, "")]
        top = [
            line(["CSV Report", "run.csv"]),
            line(["Worksheet Type", "Scan"]),
            "",
            "SAMPLES",
            line(["Name", *over]),
            line(["Collection Time", *stamped]),
        ]
        return "\ufeff" + "\r\n".join([*top, heads, *rows, ""])
    log = [
        words
        for name, stamp in zip(names, stamps, strict=True)
        for words in ("", f"{name}{delimiter}", name, f"Collection Time: {stamp}", "Y Mode  Abs")
    ]
    return "\r\n".join([line([*over, ""]), heads, *rows, *log, ""])


def perkinelmer_icp(*, delimiter=",", columns=("Int (Corr)", "Conc (Samp)")):
    heads = ["Sample ID", "Analyte Name", "Date", "Elem", "Wavelength", *columns]
    lead = [101.0, 1098.0, 2104.0, 4095.0, 8105.0, 3105.0, 3121.0]
    labels = ["Blank", "Std 1", "Std 2", "Std 3", "Std 4", "film A", "film A"]
    rows = []
    for label, reading in zip(labels, lead, strict=True):
        for analyte, element, nm, value in (
            ("Pb 220.353", "Pb", "220.353", reading),
            ("Cs 455.531", "Cs", "455.528", reading / 10 + 10),
            ("Sc", "Sc", "361.376", 1e6),
        ):
            cells = {
                "Int (Corr)": f"{value:.3f}",
                "Conc (Samp)": " " if element == "Sc" else f"{value / 1000:.4f}",
                "Conc (Calib)": "",
            }
            rows.append([label, analyte, "4/7/2023", element, nm, *(cells[c] for c in columns)])
    return "\r\n".join(delimiter.join(row) for row in [heads, *rows]) + "\r\n"


def counts_of_avantes(factor=1.0):
    """Sample, dark and reference; (S - D)/(R - D) is a tenth of the factor."""
    dark = np.full(NM.size, 10.0)
    return dark + 0.1 * factor * spectrum(), dark, dark + spectrum()


def avantes8(
    frames=1,
    *,
    mode=3,
    version=b"AVS84",
    devices=(b"1305084U1",),
    axes=(NM,),
    counts=None,
    ticks=None,
    saved=(2019, 7, 6, 15, 48),
    exposures=(50.0,),
    rest=60,
):
    """An AvaSoft 8 file: `frames` spectra of each device in turn, with bytes after the arrays."""
    year, month, day, hour, minute = saved
    date = year << 20 | month << 16 | day << 11 | hour << 6 | minute
    parts = []
    for i in range(frames * len(devices)):
        frame, which = divmod(i, len(devices))
        device, axis = devices[which], axes[which % len(axes)]
        head = struct.pack("<4B", i % 256, mode, 0, 0)
        head += device.ljust(10, b"\0") + device.ljust(64, b"\0") + b"\2"
        exposure = exposures[frame % len(exposures)]
        head += struct.pack("<HHfIIBBHBB3B", 40, 39 + axis.size, exposure, 0, 20, 1, 100, 3, 0, 1,
                            0, 0, 0)  # fmt: skip
        tick = 114_059_250 + 50_000 * frame if ticks is None else ticks[frame]
        head += struct.pack("<HIIfH", 0, 0, 0, 0.0, 0) + struct.pack("<II", tick, date)
        head += struct.pack("<5f5d", 37.9, 37.9, 0, 2850, 90, *np.zeros(5)) + bytes(130)
        columns = counts_of_avantes(1 + 0.1 * frame) if counts is None else counts
        arrays = np.concatenate([axis, *columns]).astype("<f4").tobytes()
        body = head + arrays
        parts.append(struct.pack("<I", 4 + len(body) + rest) + body + b"Merge0".ljust(10, b"\0"))
        parts.append(bytes(rest))
    return version + struct.pack("<B", frames * len(devices)) + b"".join(parts)


def avantes7(*, version=70, mode=2, single=False, tick=1.7179471e9, stamp=(34045, 18542)):
    """A file of AvaSoft 6 (60) or 7 (70), whose polynomial gives `NM` to pixels from 30 on."""
    slope = NM[1] - NM[0]
    polynomial = [NM[0] - 30 * slope, slope, 0, 0, 0]
    name = [float(letter) for letter in b"1305084U1"]
    pixels = [30, 29 + NM.size]
    sample, dark, reference = counts_of_avantes()
    counts = sample if single else np.stack([sample, reference, dark], axis=1).ravel()
    if version == 60:
        head = [60, *polynomial, *name, *pixels, mode, 0]
        tail = [95, 20, 3]
    else:
        settings = [mode, 0, 0, 0, 0, 0, *stamp, tick, 0, 3, *[0] * 8]
        head = [70, *name, *name, *[0] * 55, *polynomial, *pixels, *settings]
        tail = [95, 20, 0]
    return np.concatenate([head, counts, tail]).astype("<f4").tobytes()


IVIUM = {
    "Title": "synthetic film",
    "E start": "0",
    "Vertex 1": "0.4",
    "Vertex 2": "-0.2",
    "E step": "0.01",
    "N scans": "2",
    "Scanrate": "0.05",
    "Current Range": "100uA",
    "AutoCR": "false",
    "Apply wrt OCP": "false",
    "Apply wrt OCP.Record real E": "false",
    "Data Options.E_correction": "0",
    "Data Options.Area": "1",
}
"""Settings of an Ivium voltammogram, synthetic: the names are those of public programs."""
IVIUM_STEPS = {
    "Title": "synthetic steps",
    "Levels": "2",
    "Levels.E[1]": "0.1",
    "Levels.time[1]": "2",
    "Levels.E[2]": "-0.3",
    "Levels.time[2]": "3",
    "Cycles": "2",
    "Interval time": "0.1",
    "Current Range": "1mA",
    "AutoCR": "true",
    "AutoCR.Max range": "10mA",
    "Apply wrt OCP": "false",
}


def staircase(corners, step=0.01):
    """Applied potentials from corner to corner."""
    points = [corners[0]]
    for a, b in itertools.pairwise(corners):
        count = round(abs(b - a) / step)
        points += [a + (b - a) * k / count for k in range(1, count + 1)]
    return np.array(points)


def ivium_rows(potential):
    """Rows of an Ivium voltammogram: applied potential, current of a wave, measured potential."""
    rising = np.sign(np.gradient(potential))
    current = 2e-5 * (np.tanh((potential - 0.1) / 0.05) + 0.4 * rising)
    return np.column_stack([potential, current, potential + 2e-4])


def ivium_step_rows():
    """Rows of an Ivium chronoamperometry: time, current, measured potential."""
    time = 0.1 * np.arange(1, 101)
    first = np.mod(time - 1e-6, 5.0) < 2.0
    since = np.mod(time - 1e-6, 5.0) - np.where(first, 0.0, 2.0)
    current = np.where(first, 1.0, -1.0) * 2e-4 / np.sqrt(since + 0.05)
    return np.column_stack([time, current, np.where(first, 0.1, -0.3) + 3e-4])


def ivium(
    rows=None, *, method="CyclicVoltammetry", settings=(), newline="\r\n", promised=None, parts=1
):
    """Return an Ivium file, synthetic, in the layout of real files of impedance.

    A setting of None is left out.
    """
    steps = method == "Transients"
    technique = "ChronoAmperometry" if steps else "Standard"
    if rows is None:
        full = [0.0, *[0.4, -0.2, 0.0] * 2]
        rows = ivium_step_rows() if steps else ivium_rows(staircase(full))
    stated = {**(IVIUM_STEPS if steps else IVIUM), **dict(settings)}
    keys = [f"{key}={value}" for key, value in stated.items() if value is not None]
    cells = [f"{a:.5E}  {b:.5E}\t{c:.5E} " for a, b, c in rows]
    data = ["primary_data    ", "3         ", f"{promised or len(rows):<10d}", *cells]
    part = [f"Method={method}", f"Technique={technique}", *keys, "Mconfig=0", "\x1c\x1f\0\0"]
    after = ["3         ", "ocpdata         ", "\x003         ", "2         "]
    ocp = ["1.00000E+00  4.77577E-02  6.67497E-11 ", "2.00000E+00  5.92976E-02  2.67258E-11 "]
    body = [*part, "3         ", "Data Objects    ", "0         ", *data, *after, *ocp]
    top = ["\0" * 16 + "+\1\0\0", "Version=12", "starttime=14/10/2024 22:24:04", "software=41170"]
    return newline.join([*top, *body * parts, "\0" * 4, ""]).encode("latin-1")
