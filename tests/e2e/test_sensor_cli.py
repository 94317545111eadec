"""The sensor's options, and what it says of wrong ones."""
import re

import pytest

from support import sensor

BROWSE = sensor.PCAPS / "http-browse.pcap"
GOOD = 'alert http any any -> any any (msg:"page"; http.uri; content:"index"; sid:1;)\n'
OTHER = 'alert http any any -> any any (msg:"get"; http.method; content:"GET"; sid:2;)\n'
BAD = 'alert tcp any any -> any any (msg:"odd"; contnet:"x"; sid:3;)\n'


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "x.rules"
    path.write_text(GOOD)
    return path


def sids(folder):
    return {e["alert"]["signature_id"] for e in sensor.events(folder, "alert")}


# ---- What works without anything else ----

def test_replays_without_configuration_or_collector(tmp_path, rules):
    out = tmp_path / "made" / "deep"
    done = sensor.run("-r", BROWSE, "-S", rules, "-l", out)
    assert done.returncode == 0, done.stderr
    assert sids(out) == {1}
    assert len(sensor.events(out, "http")) == sensor.ledger(done.stderr)["lines"] - len(
        [e for e in sensor.events(out) if e["event_type"] != "http"])
    assert sensor.ledger(done.stderr)["lines"] == len(sensor.events(out))
    assert all(e["alert"]["signature"] == "page" for e in sensor.events(out, "alert"))


def test_help_and_version_go_to_standard_output():
    for word in ("--help", "--version"):
        done = sensor.run(word)
        assert done.returncode == 0 and "civicshield-sensor" in done.stdout and not done.stderr
    text = sensor.run("--help").stdout
    for option in ("-r", "-i", "--eal", "-S", "-s", "-l", "-c", "--set", "-k", "-T", "--strict", "--eve",
                   "--help", "--version", "FILTER"):
        assert re.search(r"(^|\s|,)%s\b" % re.escape(option), text), option
    assert re.search(r"^civicshield-sensor \d+\.\d+", sensor.run("--version").stdout)


def test_quiet_says_nothing(tmp_path):
    done = sensor.run("-q", "-r", BROWSE, "-l", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- Options ----

def test_large_s_takes_only_its_rules_and_small_s_adds(tmp_path, rules):
    other = tmp_path / "other.rules"
    other.write_text(OTHER)
    config = tmp_path / "c.yaml"
    config.write_text("default-rule-path: %s\nrule-files: [x.rules]\n" % tmp_path)
    rows = [([], {1}), (["-S", other], {2}), (["-s", other], {1, 2}),
            (["-S", other, "-s", rules], {1, 2}), (["-S", tmp_path / "*.rules"], {1, 2})]
    for number, (arguments, expected) in enumerate(rows):
        out = tmp_path / str(number)
        done = sensor.run("-r", BROWSE, "-c", config, "-l", out, *arguments)
        assert done.returncode == 0, done.stderr
        assert sids(out) == expected, arguments


def test_set_overrides_the_configuration(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("outputs:\n  types:\n    flow: no\n    http: yes\n")
    assert sensor.run("-r", BROWSE, "-c", config, "-l", tmp_path / "a").returncode == 0
    assert sensor.run("-r", BROWSE, "-c", config, "-l", tmp_path / "b", "--set", "outputs.types.http=no",
                      "--set", "outputs.types.flow=yes").returncode == 0
    kinds = [{e["event_type"] for e in sensor.events(tmp_path / name)} for name in "ab"]
    assert "http" in kinds[0] and "flow" not in kinds[0]
    assert "flow" in kinds[1] and "http" not in kinds[1]


def test_eve_goes_to_the_file_that_is_named(tmp_path):
    done = sensor.run("-q", "-r", BROWSE, "--eve", tmp_path / "mine.json", "-l", tmp_path / "out")
    assert done.returncode == 0
    assert sensor.events(tmp_path / "mine.json", "http")
    assert not (tmp_path / "out" / "eve.json").exists()


def test_wrong_checksums_are_refused_unless_none_are_checked(tmp_path):
    """The capture was taken before the sender's network card filled them in."""
    capture = sensor.PCAPS / "http-offload.pcap"
    pages = {}
    for how in ("all", "none", "auto"):
        done = sensor.run("-r", capture, "-k", how, "-l", tmp_path / how)
        assert done.returncode == 0, done.stderr
        pages[how] = len(sensor.events(tmp_path / how, "http"))
    assert pages == {"all": 0, "none": 1, "auto": 1}


def test_checking_reads_and_writes_nothing(tmp_path, rules):
    done = sensor.run("-T", "-r", BROWSE, "-S", rules, "-l", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "out").exists()


def test_the_defaults_can_be_printed_and_read_back(tmp_path):
    done = sensor.run("--dump-config")
    assert done.returncode == 0
    path = tmp_path / "all.yaml"
    path.write_text(done.stdout)
    assert sensor.run("-T", "-c", path).returncode == 0


# ---- What is wrong ----

@pytest.mark.parametrize("arguments", [
    [], ["--nonsense"], ["-r", "x", "-i", "eth0"], ["-r", "x", "--eal", "-v"], ["-r", "x", "-k", "some"],
    ["-r", "x", "--speed", "0"], ["-r"], ["-r", "x", "-w", "many"], ["-r", "x", "-w", "0"],
    ["-r", "x", "--set", "workers"], ["-r", "x", "--set", "no.such.key=1"]])
def test_wrong_usage_is_status_2(arguments):
    done = sensor.run(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr or "error:" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("text, line, column, expected", [
    ("workers: many\n", 1, 10, "whole number"),
    ("workers: 0\n", 1, 10, "between 1 and 64"),
    ("wrokers: 2\n", 1, 10, 'did you mean "workers"'),
    ("stream:\n  depth: [1]\n", 2, 10, "size"),
    ("decode:\n  checksums: perhaps\n", 2, 14, "auto"),
    ("workers: 2\n\tx: 1\n", 2, 1, "YAML"),
    ("vars:\n  address-groups:\n    HOME_NET: 10.0.0.0/33\n", 3, 15, "HOME_NET"),
])
def test_a_wrong_configuration_is_one_line_with_its_place(tmp_path, text, line, column, expected):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    for arguments in (["-r", sensor.PCAPS / "ping.pcap", "-l", tmp_path / "out"], ["-T"]):
        done = sensor.run("-c", path, *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1, done.stderr
        assert "%s:%d:%d: error:" % (path, line, column) in done.stderr
        assert expected in done.stderr
        assert not (tmp_path / "out").exists()


def test_a_configuration_that_is_missing_is_named(tmp_path):
    done = sensor.run("-T", "-c", tmp_path / "none.yaml")
    assert done.returncode == 2
    assert "none.yaml: error:" in done.stderr and done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = sensor.run("-r", BROWSE, "-l", tmp_path / "file" / "out")
    assert done.returncode == 2
    assert "%s: error: cannot be made" % (tmp_path / "file" / "out") in done.stderr


def test_a_wrong_filter_and_a_missing_capture_are_status_2(tmp_path):
    done = sensor.run("-r", sensor.PCAPS / "ping.pcap", "port", "hugo")
    assert done.returncode == 2 and "hugo" in done.stderr
    done = sensor.run("-r", tmp_path / "none.pcap")
    assert done.returncode == 2 and "none.pcap: error: cannot be read" in done.stderr


def test_a_wrong_rule_is_reported_and_the_good_ones_run(tmp_path):
    rules = tmp_path / "x.rules"
    rules.write_text("# first line\n" + BAD + GOOD + 'alert tcp any any -> any any (msg:"no end"; sid:4;\n')
    done = sensor.run("-r", BROWSE, "-S", rules, "-l", tmp_path / "a")
    assert done.returncode == 0
    assert re.search(r"x\.rules:2:42: error: .*contnet.*did you mean \"content\"", done.stderr)
    assert re.search(r"x\.rules:4:\d+: error: ", done.stderr)
    assert "1 loaded, 2 refused" in done.stderr
    assert sids(tmp_path / "a") == {1}
    assert sensor.run("-T", "-S", rules).returncode == 2
    done = sensor.run("-r", BROWSE, "-S", rules, "--strict", "-l", tmp_path / "b")
    assert done.returncode == 2 and "frames" not in done.stderr
    assert not (tmp_path / "b").exists(), "it began before it refused"
    rules.write_text(GOOD)
    assert sensor.run("-T", "-S", rules).returncode == 0
    assert sensor.run("-r", BROWSE, "-S", rules, "--strict", "-l", tmp_path / "c").returncode == 0


def test_a_missing_rule_file_is_reported(tmp_path):
    done = sensor.run("-T", "-S", tmp_path / "none.rules")
    assert done.returncode == 2 and "none.rules: error:" in done.stderr
