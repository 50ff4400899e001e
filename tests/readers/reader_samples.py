"""Small files in the forms that instruments write."""

import json

import numpy as np

MPT_COLUMNS = ("mode", "ox/red", "error", "time/s", "control/V", "Ewe/V", "<I>/mA", "cycle number")


def triangle(cycles=2, points=40, start=0.0, turn=0.4):
    """Times [s] and potentials [V] of a triangular wave at 0.1 V/s."""
    sweep = np.linspace(start, turn, points, endpoint=False)
    one = np.concatenate([sweep, np.linspace(turn, start, points, endpoint=False)])
    potential = np.concatenate([*[one] * cycles, [start]])
    time = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(potential)))]) / 0.1
    return time, potential


def mpt(
    *,
    decimal=".",
    newline="\r\n",
    area="0.001 cm²",
    columns=MPT_COLUMNS,
    technique="Cyclic Voltammetry",
    header=(),
    cycles=2,
):
    """Return the text of an EC-Lab export in the same form as the real ones."""
    top = [
        "EC-Lab ASCII FILE",
        "Nb header lines : N",
        "",
        technique,
        "",
        "Run on channel : 1 (SN 1)",
        f"Electrode surface area : {area}",
        "Characteristic mass : 0.001 g",
        *header,
        "",
        "\t".join(columns) + "\t",
    ]
    top[1] = f"Nb header lines : {len(top)}                          "
    time, potential = triangle(cycles)
    rows = []
    for i, (t, e) in enumerate(zip(time, potential, strict=True)):
        cells = {
            "mode": "2",
            "ox/red": "1",
            "error": "0",
            "time/s": f"{t + 3.5:.15E}",
            "control/V": f"{e:.7E}",
            "Ewe/V": f"{e + 1e-4:.7E}",
            "<Ewe>/V": f"{e + 1e-4:.7E}",
            "<I>/mA": f"{np.sin(i / 9):.15E}",
            "I/mA": f"{np.sin(i / 9):.15E}",
            "cycle number": f"{1 + i // 80:.15E}",
        }
        rows.append("\t".join(cells[c] for c in columns).replace(".", decimal))
    return newline.join([*top, *rows]) + newline


def wave(time, potential):
    """Currents [A] of a wave: the sweep up runs above the sweep down."""
    rising = np.sign(np.gradient(potential, time))
    return 1e-6 * (np.tanh((potential - 0.2) / 0.05) + 0.4 * rising)


def gamry(*, curves=2, decimal=".", convention="1", tag="CV", area="1.00000E+000", detector=False):
    """Return the text of a Gamry file: cycles of a CV in several curves."""
    time, potential = triangle(curves)
    current = wave(time, potential)
    number = "{:.5E}".format
    lines = [
        "EXPLAIN",
        f"TAG\t{tag}",
        "TITLE\tLABEL\tCyclic Voltammetry\tTest &Identifier",
        "NOTES\tNOTES\t1\t&Notes...",
        "\t",
        "PSTAT\tPSTAT\tREF600\tPotentiostat",
        f"SCANRATE\tQUANT\t{number(100)}\t&Scan Rate (mV/s)",
        f"AREA\tQUANT\t{area}\tElectrode &Area (cm^2)",
        *([f"CONVENTION\tIQUANT\t{convention}\tCurrent Convention"] if convention else []),
        "IRCOMP\tSELECTOR\t0\tIRCom&p",
    ]
    heads = [
        "\tPt\tT\tVf\tIm\tVu\tSig\tAch\tIERange\tOver\tTemp",
        "\t#\ts\tV vs. Ref.\tA\tV\tV\tV\t#\tbits\tdeg C",
    ]
    if detector:
        lines += ["CURVE DETECTOR\tTABLE\t6", *heads]
        lines += [f"\t{k}\t{0.1 * k}\t0.5\t1e-7\t0\t0\t0\t9\t...........\t 0.00" for k in range(6)]
    for curve in range(curves):
        lines += [f"CURVE{curve + 1}\tTABLE", *heads]
        last = time.size if curve == curves - 1 else 80 * (curve + 1)
        for k in range(80 * curve, last):
            cells = [k, f"{time[k] + 0.02:g}", number(potential[k]), number(current[k]), "0.0E+000",
                     number(potential[k]), "8.0E-004", 9, "...........", "1489.52"]  # fmt: skip
            lines.append("\t" + "\t".join(map(str, cells)))
    text = "\r\n".join(lines) + "\r\n"
    body = text.index("SCANRATE")
    numbers = text[body:].replace("...........", "#").replace(".", decimal)
    return text[:body] + numbers.replace("#", "...........").replace(f"vs{decimal}", "vs.").replace(
        f"Ref{decimal}", "Ref."
    )


def chi(*, technique="Cyclic Voltammetry", separator=", ", header=True, more=(), heads=None):
    """Return the text of a CH Instruments file of a CV."""
    time, potential = triangle(2)
    current = wave(time, potential)
    top = [
        "June 13, 2024   13:13:28",
        technique,
        "File: cv.bin",
        "Data Source:  Experiment",
        "Instrument Model:  CHI760E",
        "Header: ",
        "Note: ",
        "",
    ]
    settings = [
        "Init E (V) = 0",
        "High E (V) = 0.4",
        "Low E (V) = 0",
        "Init P/N = P",
        "Scan Rate (V/s) = 0.1",
        "Segment = 4",
        "Quiet Time (sec) = 2",
        "Sensitivity (A/V) = 1e-6",
        *more,
        "",
        heads or separator.join(["Potential/V", "Current/A"]),
        "",
    ]
    rows = [
        separator.join([f"{e:.3f}", f"{i:.3e}"]) for e, i in zip(potential, current, strict=True)
    ]
    return "\r\n".join([*(top if header else []), *settings, *rows]) + "\r\n"


def versastudio(*, area="1", reference="(unspecified) (0 Volts)"):
    """Return the text of a VersaStudio file: a hold, and a CV of two cycles."""
    time, potential = triangle(2)
    current = wave(time, potential)
    rows = [f"0,{k},0.0001,1e-8,{k},0,5,5,0" for k in range(5)]
    rows += [
        f"1,{k + 5},{e:.7g},{i:.7g},{t + 5.1:.6g},0,5,5,{e:.5g}"
        for k, (t, e, i) in enumerate(zip(time, potential, current, strict=True))
    ]
    return "\r\n".join([
        "<Application>", "Name=VersaStudio", "Version=2.52.3.0", "</Application>", "",
        "<Action0>", f"Working Electrode Area (cm2)={area}", f"Reference Electrode={reference}",
        "Segments=0", "Name=Common", "</Action0>", "",
        "<Action1>", "Segments=1", "ParentNode=Common", "Name=Chronoamperometry", "</Action1>", "",
        "<Action2>", "iR Compensation=Disabled", "Scan Rate (V/s)=0.1", "Segments=1",
        "ParentNode=Common", "Name=Cyclic Voltammetry (Multiple Cycles)", "</Action2>", "",
        "<Segment1>", "Type=11", "Version=3",
        "Definition=Segment #, Point #, E(V), I(A), Elapsed Time(s), ADC Sync Input(V), "
        "Current Range, Status, E Applied(V)",
        *rows, "</Segment1>", "", "<Graph1>", "Type=EITData", "</Graph1>", "",
    ])  # fmt: skip


def session(*, scans=2, method="cv", area="0.000E+000", unit="PalmSens.Units.MicroAmpere"):
    """Return the bytes of a PSTrace session: a mark at both ends, UTF-16."""
    time, potential = triangle(1)
    current = 1e6 * wave(time, potential)

    def array(kind, number, description, unit, values, **more):
        return {
            "Type": f"PalmSens.Data.DataArray{kind}",
            "ArrayType": number,
            "Description": description,
            "Unit": {"Type": unit},
            "DataValues": [{"V": float(v), **more} for v in values],
        }

    arrays = [array("Time", 0, "time", "PalmSens.Units.Time", time)]
    for scan in range(1, scans + 1):
        name = f"scan{scan}" if scans > 1 else "potential"
        arrays.append(array("Potentials", 1, name, "PalmSens.Units.Volt", potential, S=0))
        name = f"scan{scan}" if scans > 1 else "current"
        arrays.append(array("Currents", 2, name, unit, current, S=0))
    lines = ["#PSTrace, Version=5.9", f"METHOD_ID={method}", f"AREA={area}", "SCAN_RATE=1.000E-001",
             "REF_ELECTRODE_NAME=", "USE_IR_DROP_COMP=False"]  # fmt: skip
    measurements = [
        {"Title": "Open Circuit", "Method": "METHOD_ID=ocp\r\n", "DataSet": {"Values": []}},
        {
            "Title": "Cyclic Voltammetry",
            "Method": "\r\n".join(lines),
            "DataSet": {"Type": "PalmSens.Data.DataSetCommon", "Values": arrays},
        },
    ]
    whole = {"Type": "PalmSens.DataFiles.SessionFile", "Measurements": measurements}
    return b"\xff\xfe" + (json.dumps(whole) + "\ufeff").encode("utf-16-le")


def pstrace(*, separator=",", decimal=".", title="Cyclic Voltammetry: CV i vs E"):
    """Return the text of a PSTrace csv: two scans and a pulse voltammogram side by side."""
    time, potential = triangle(1)
    current = 1e6 * wave(time, potential)
    top = [
        f"Date and time:{separator}2025-03-29 23:18:59",
        "Notes:",
        separator * 5,
        f"{title} Scan 1{separator * 2}{title} Scan 2{separator * 2}Differential Pulse Voltammetry",
        separator.join(["Date and time measurement:", "2025-03-29 13:32:13"] * 3),
        separator.join(["V", "µA"] * 3),
    ]
    rows = []
    for k, (e, i) in enumerate(zip(potential, current, strict=True)):
        cells = [f"{e:.6f}", f"{i:.8f}"] * 2 + ([f"{e:.6f}", "0.5"] if k < 30 else ["", ""])
        rows.append(separator.join(cell.replace(".", decimal) for cell in cells))
    return "\r\n".join([*top, *rows]) + "\r\n"


def columns(heads, separator="\t", decimal=".", newline="\n"):
    """Return a text table: `heads` maps each heading to a format of t, E, I and cycle."""
    time, potential = triangle(2)
    current = wave(time, potential)
    lines = [separator.join(heads)]
    for k, (t, e, i) in enumerate(zip(time, potential, current, strict=True)):
        cells = [
            form.format(t=t, E=e, I=i, mA=1e3 * i, cycle=1 + k // 80) for form in heads.values()
        ]
        lines.append(separator.join(cell.replace(".", decimal) for cell in cells))
    return newline.join(lines) + newline


NOVA = {
    "Potential applied (V)": "{E:.5f}",
    "Time (s)": "{t:.3f}",
    "WE(1).Current (A)": "{I:.6E}",
    "WE(1).Potential (V)": "{E:.6f}",
    "Scan": "{cycle}",
    "Index": "1",
}
PLAIN = {"t/s": "{t}", "E/V": "{E}", "I/A": "{I}"}
BIOLOGIC = {"time/s": "{t:.6E}", "Ewe/V": "{E:.7E}", "<I>/mA": "{mA:.15E}"}


def ixdat(*, clocks=1):
    """Return the text of a csv file of ixdat."""
    body = columns(
        {"time/s": "{t:.3f}", "Ewe/V": "{E:.6f}", "I/mA": "{mA:.8f}", "cycle number": "{cycle}"},
        ",",
    )
    if clocks == 1:
        timecols = ["timecol 'time/s' for: 'Ewe/V' and 'I/mA' and 'cycle number'"]
    else:
        timecols = ["timecol 'time/s' for: 'Ewe/V'", "timecol 't2' for: 'I/mA'"]
    top = ["ixdat version = 0.2.3", "name = a CV", "technique = EC", "tstamp = 1.0", *timecols]
    return "\n".join([*top, f"N_header_lines = {len(top) + 3}", "", body])


YAML = """# a comment
curation:
  process:
  - role: curator
    name: "Somebody: herself"
system:
  type: electrochemical
  electrodes:
    - name: REF
      function: reference electrode
      type: Ag/AgCl
    - name: WE
      function: working electrode
      geometricElectrolyteContactArea:
        value: 0.196
        unit: cm2
      preparationProcedure:
        description:
          - Flame annealed
figureDescription:
  type: raw
  measurementType: CV
  scanRate:
    value: 100
    unit: mV / s
dataDescription:
  dialect:
    delimiter: ','
    headerLines: 0
    columnHeaderLines: 1
  fieldMapping: # all of them
    U: E
    t: t
    I: I
  fieldUnits:
    - name: E
      unit: mV
      reference: SCE
    - name: t
      unit: s
    - name: I
      unit: A
"""
ECHEMDB = columns({"t": "{t:.3f}", "U": "{E:.5f}e3", "I": "{I:.6E}"}, ",")
