"""The rule table in the code and the JSON Schema it prints say the same.

Thousands of generated leads go to both: to the code (tests/unit/lead/judge, one
payload a line) and to an independent validator, python3-jsonschema, with the printed
schema.  They must name the same places.  What JSON Schema cannot say stands under
"x-leadrelay-rule": that list is asserted here, word for word, and each of its rules is
written once more in Python.

LEADRELAY_BUILD names the build directory (default: the root of the tree).
"python3 test_schema.py --seeds DIR N" writes N generated payloads, as seeds for fuzzing.
"""
import calendar
import json
import os
import pathlib
import random
import re
import subprocess
import sys
from decimal import Decimal
from urllib.parse import unquote

ROOT = pathlib.Path(__file__).resolve().parents[2]
JUDGE = pathlib.Path(os.environ.get("LEADRELAY_BUILD", ROOT)) / "tests/unit/lead/judge"
COUNT = 5000
SEED = 20210422


# --- what JSON Schema cannot say ------------------------------------------------

X_RULES = {
    "": {"maxDepth": 32, "uniqueNames": True},
    "data/email": {"maxBytes": 254, "maxLocalBytes": 64},
    "data/appointment_availability": {"maxCompactBytes": 2048},
    "data/meta": {"maxCompactBytes": 1024},
    "data/questionnaire": {"maxCompactBytes": 2048},
    "data/createdAt": {"calendarDay": True},
    "data/average_sale_estimation": {"maxDecimals": 2},
    "data/average_rent_estimation": {"maxDecimals": 2},
    "data/minimum_sale_estimation": {"maxDecimals": 2},
    "data/maximum_sale_estimation": {"maxDecimals": 2},
    "data/minimum_rent_estimation": {"maxDecimals": 2},
    "data/maximum_rent_estimation": {"maxDecimals": 2},
    "data/office_id": {"officeIds": "as configured"},
    "$defs/date": {"calendarDay": True},
}


def x_rules(schema, path=()):
    """Every x-leadrelay-rule by its place, "properties" left out of the path."""
    found = {}
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "x-leadrelay-rule":
                found["/".join(path)] = value
            else:
                step = () if name == "properties" else (name,)
                found.update(x_rules(value, path + step))
    return found


def trimmed(number):
    """Digits and exponent of a number as written, without zeros at the end."""
    sign, digits, exponent = Decimal(number).as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    kept = digits.rstrip("0")
    return sign, kept, exponent + len(digits) - len(kept)


def is_integer(_, value):
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return False
    _, digits, exponent = trimmed(value)
    return not digits or exponent >= 0


def js_number(value):
    """ECMA-262 Number::toString, from Python's shortest digits."""
    number = float(value)
    if number in (float("inf"), float("-inf")):
        return "null"
    if number == 0:
        return "0"
    sign, digits, exponent = trimmed(repr(number))
    n, k = exponent + len(digits), len(digits)
    if k <= n <= 21:
        text = digits + "0" * (n - k)
    elif 0 < n <= 21:
        text = digits[:n] + "." + digits[n:]
    elif -6 < n <= 0:
        text = "0." + "0" * -n + digits
    else:
        text = digits[0] + ("." + digits[1:] if k > 1 else "") + f"e{n - 1:+d}"
    return "-" * sign + text


def js_stringify(value):
    if isinstance(value, dict):
        return "{" + ",".join(js_stringify(name) + ":" + js_stringify(member)
                              for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(js_stringify, value)) + "]"
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return js_number(value)
    return json.dumps(value, ensure_ascii=False)


def is_calendar_day(text):
    match = re.match(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    if not match:
        return True         # the pattern says so
    year, month, day = map(int, match.groups())
    if year < 1 or not 1 <= month <= 12:
        return True
    return day <= calendar.monthrange(year, month)[1]


def obeys(rule, limit, value):
    if rule == "maxBytes":
        return not isinstance(value, str) or len(value.encode()) <= limit
    if rule == "maxLocalBytes":
        return not isinstance(value, str) or len(value.split("@")[0].encode()) <= limit
    if rule == "maxCompactBytes":
        return value is None or len(js_stringify(value).encode()) <= limit
    if rule == "calendarDay":
        return not isinstance(value, str) or is_calendar_day(value)
    if rule == "maxDecimals":
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            return True
        _, digits, exponent = trimmed(value)
        return not digits or exponent >= -limit
    return True             # of the whole payload, or of the configuration


# --- the independent judge ------------------------------------------------------

def make_validator(schema):
    import jsonschema
    from jsonschema import Draft202012Validator, ValidationError, validators

    def x_rule(_validator, rules, instance, _schema):
        for rule, limit in rules.items():
            if not obeys(rule, limit, instance):
                yield ValidationError(f"breaks {rule}")

    def pattern(validator, regex, instance, _schema):
        # ECMA-262's $ is the very end; Python's also stands before a last newline.
        if validator.is_type(instance, "string"):
            if not re.search(re.sub(r"\$$", r"\\Z", regex), instance):
                yield ValidationError("does not match")

    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer)
    made = validators.extend(Draft202012Validator, type_checker=checker,
                             validators={"x-leadrelay-rule": x_rule, "pattern": pattern})
    assert jsonschema.Draft202012Validator is Draft202012Validator
    return made(schema)


def places_by_schema(validator, payload):
    places = set()
    for error in validator.iter_errors(json.loads(payload, parse_float=Decimal)):
        path = tuple(map(str, error.absolute_path))
        if error.validator == "required":
            places |= {path + (name,) for name in error.validator_value
                       if name not in error.instance}
        else:
            places.add(path)
    return places


def places_by_code(errors):
    places = set()
    for error in errors:
        assert set(error) == {"pointer", "rule", "detail"}
        assert error["pointer"].startswith("#/") and error["detail"]
        assert re.fullmatch(r"#[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*", error["pointer"])
        places.add(tuple(unquote(token).replace("~1", "/").replace("~0", "~")
                         for token in error["pointer"][2:].split("/")))
    return places


def judge(payloads):
    done = subprocess.run([JUDGE], input="\n".join(payloads) + "\n", encoding="utf-8",
                          stdout=subprocess.PIPE, check=True, timeout=300)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(payloads)
    return answers


def printed_schema():
    done = subprocess.run([JUDGE, "--schema"], encoding="utf-8",
                          stdout=subprocess.PIPE, check=True, timeout=60)
    assert done.stdout.endswith("}\n")
    return json.loads(done.stdout)


# --- leads ----------------------------------------------------------------------

class Raw(str):
    """JSON text, to be written as it is."""


STRINGS = {  # shortest and longest allowed
    "first_name": (1, 50), "last_name": (1, 50), "full_name": (1, 100),
    "phone": (0, 255), "address": (0, 100), "postcode": (2, 10),
    "advert_address": (0, 100), "advert_postcode": (2, 10), "advert_url": (0, 255),
    "advert_image": (0, 255), "title": (1, 10), "message": (0, 8192),
    "property_reference": (0, 50), "source": (0, 60), "host": (0, 60),
    "office_name": (0, 60), "account_name": (0, 60), "referred_by_office_name": (0, 60),
    "referred_by_account_name": (0, 60),
}
INTEGERS = ("id", "parentId", "office_id", "account_id", "referred_by_office_id",
            "referred_by_account_id")
DECIMALS = tuple(f"{which}_{what}_estimation" for what in ("sale", "rent")
                 for which in ("average", "minimum", "maximum"))
WORDS = {
    "type": ["sale", "vendor", "landlord", "let", "mortgage_request"],
    "status": ["UNREAD", "IN_PROGRESS", "NO_BUSINESS", "BUSINESS", "DUPLICATE", "active"],
    "stage": ["NEW", "CONTACTED", "KEEP_IN_TOUCH", "LOST", "NOT_CONTACTABLE", "WON",
              "VALUATION_BOOKED", "INSTRUCTED", "VIEWING_BOOKED", "REGISTERED",
              "DUPLICATE", "SPAM", "DELETED", "complete"],
    "property_type": ["detached", "semi-detached", "terraced", "flat-maisonette", ""],
}
POINTS = ["a", "Z", "0", " ", "é", "€", "😀", "\n", '"', "\\", "/", "\u0000", "\u2028", "\x7f"]


def number(r):
    forms = [str(r.randint(-10, 10)), str(r.randint(-2**54, 2**54)),
             f"{r.randint(0, 9999)}.{r.randint(0, 9999)}",
             f"{r.randint(0, 99)}.{r.randint(0, 99)}e{r.randint(-3, 4)}",
             r.choice(["-0", "0.0", "1.0", "1e0", "1E+2", "1e-3", "10.10", "10.100",
                       "10.005", "1.5e3", "9007199254740991", "9007199254740992",
                       "-9007199254740991", "-9007199254740992", "1e400", "-1e400",
                       "1e-400", "9007199254740991.0", "9007199254740990.5",
                       "18446744073709551616", "123456789012345678901234567890",
                       "1.00000000000000000000001", "5e-324", "1e21", "1e20", "0e99"]),
             repr(r.uniform(-1000, 1000)), repr(2.0 ** r.randint(-1074, 1023))]
    return Raw(r.choice(forms))


def date(r):
    text = r.choice(["2021-04-22", "2021-02-29", "2024-02-29", "1900-02-29", "2021-04-31",
                     "0000-01-01", "9999-12-31", "2021-13-01", "2021-1-01"])
    if r.random() < 0.7:
        text += r.choice("TTTt x") + r.choice(["10:00", "23:59:60", "24:00", "10:00:61",
                                               "10:00:00.000", "10:00:00.", "1:00"])
        text += r.choice(["", "Z", "z", "+09:00", "-0930", "+24:00", "+09", "+09:60"])
    if r.random() < 0.1:
        at = r.randrange(len(text) + 1)
        text = text[:at] + r.choice("0-:TZ\n٣") + text[at + r.randint(0, 1):]
    return text


def email(r):
    def run(longest):
        alphabet = "a" * 12 + "Z9é中😀" + r.choice(["", "-", "-.", "+_'", "\x7f\u0085 ()"])
        return "".join(r.choice(alphabet) for _ in range(r.choice([1, 2, 5, longest])))
    local = run(r.choice([31, 32, 63, 64, 65]))
    labels = [run(r.choice([61, 62, 63, 64])) for _ in range(r.choice([1, 1, 2, 3, 4]))]
    return local + r.choice(["@"] * 12 + ["", "@@", "@."]) + ".".join(labels)


def text(r, shortest, longest):
    length = r.choice([0, 1, 2, shortest, longest, longest, longest + 1, longest // 2])
    point = r.choice(POINTS)
    return "".join(r.choice([point, "x"]) for _ in range(max(0, length)))


def anything(r, depth=0):
    kind = r.randrange(8 if depth < 4 else 6)
    if kind == 6:
        return [anything(r, depth + 1) for _ in range(r.randint(0, 3))]
    if kind == 7:
        return {name(r): anything(r, depth + 1) for _ in range(r.randint(0, 3))}
    return [None, True, False, number(r), text(r, 0, 5), date(r)][kind]


def name(r):
    return r.choice(["a", "b", "", "hours", "virtual tour", "a/b", "~0~1", "%41", "é", "1",
                     "x" * 30, '"', "\\", "#", "&=?"])


def filler(r, longest):
    """A string that brings a value's compact size near its limit."""
    return r.choice(["x", "é", "\n", "\u0001", "😀"]) * r.randint(longest // 6, longest)


def availability(r):
    value = {"hours": [date(r) for _ in range(r.randint(0, 4))]}
    while r.random() < 0.4:
        value[name(r)] = r.choice([anything, lambda r: [date(r), [date(r)]],
                                   lambda r: filler(r, 1000), number])(r)
    return value


def meta(r):
    value = {name(r): text(r, 0, 20) for _ in range(r.randint(0, 4))}
    if r.random() < 0.3:
        value[name(r)] = r.choice([anything, lambda r: filler(r, 500)])(r)
    return value


def questionnaire(r):
    value = [[text(r, 0, 20), text(r, 0, 20)] for _ in range(r.randint(0, 4))]
    if r.random() < 0.3:
        value.append(r.choice([anything, lambda r: ["q", filler(r, 1000)],
                               lambda r: [anything(r), anything(r)]])(r))
    return value


def good(r, field):
    """A value that obeys, so that not every lead is a bad one."""
    if field in STRINGS:
        return "x" * r.choice(STRINGS[field])
    if field in INTEGERS or field == "property_bedrooms":
        return Raw(r.choice(["1", "2.0", "3e0", "-7", "9007199254740991"]))
    if field in DECIMALS:
        return Raw(r.choice(["1", "0.25", "10.100", "1.5e3", "1e400"]))
    if field in WORDS:
        return r.choice(WORDS[field][:4])
    return {"email": "a.b+c@d-e.example", "createdAt": "2000-01-23T01:23:45.678+09:00",
            "gdpr_checkbox": True, "international": False, "meta": {"a": "b"},
            "appointment_availability": {"hours": ["2021-04-22T10:00:00.000Z"]},
            "questionnaire": [["q", "a"]], "comparable_props": [{"beds": Raw("4")}]}[field]


def bad_or_good(r, field):
    if r.random() < 0.15:
        return anything(r)
    if field in STRINGS:
        return text(r, *STRINGS[field])
    if field in INTEGERS or field in DECIMALS or field == "property_bedrooms":
        return number(r)
    if field in WORDS:
        return r.choice(WORDS[field] + ["", "x"])
    return {"email": email, "createdAt": date, "gdpr_checkbox": anything,
            "international": anything, "meta": meta,
            "appointment_availability": availability, "questionnaire": questionnaire,
            "comparable_props": lambda r: [r.choice([{}, {"a": anything(r)}, anything(r)])
                                           for _ in range(r.randint(0, 3))]}[field](r)


ALWAYS = ("id", "full_name", "email", "phone", "type")
FIELDS = tuple(STRINGS) + INTEGERS + DECIMALS + tuple(WORDS) + (
    "email", "createdAt", "gdpr_checkbox", "international", "meta", "property_bedrooms",
    "appointment_availability", "questionnaire", "comparable_props")


def write(r, value):
    """JSON with blanks and escapes at random, numbers as they are."""
    blank = r.choice(["", "", "", " "])
    if isinstance(value, Raw):
        return value + blank
    if isinstance(value, dict):
        members = [write(r, name) + ":" + blank + write(r, member)
                   for name, member in value.items()]
        return "{" + blank + ",".join(members) + "}" + blank
    if isinstance(value, list):
        return "[" + blank + ",".join(write(r, element) for element in value) + "]"
    return json.dumps(value, ensure_ascii=r.random() < 0.5)


def lead(r):
    badness = r.choice([0, 0.02, 0.1, 0.5])     # of a lead's fields
    data = {"unknown": anything(r)}
    for field in r.sample(FIELDS, len(FIELDS)):
        roll = r.random()
        if roll < badness:
            data[field] = bad_or_good(r, field)
        elif roll > 0.97 and badness:
            data[field] = None
        elif field in ALWAYS or roll < 0.6:
            data[field] = good(r, field)
    if badness == 0:            # make good what the type of lead asks for
        for field in ("address", "postcode", "advert_address", "advert_postcode",
                      "property_reference"):
            data.setdefault(field, good(r, field))
    payload = {"event": "lead.created", "data": data}
    if badness and r.random() < 0.05:
        payload[r.choice(["event", "data"])] = anything(r)
    if badness and r.random() < 0.02:
        del payload[r.choice(["event", "data"])]
    return write(r, payload)


# --- tests ----------------------------------------------------------------------

def test_schema_says_what_it_cannot_say():
    assert x_rules(printed_schema()) == X_RULES


def test_schema_knows_every_field():
    assert set(printed_schema()["properties"]["data"]["properties"]) == set(FIELDS)


def test_code_and_schema_agree():
    r = random.Random(SEED)
    validator = make_validator(printed_schema())
    payloads = [lead(r) for _ in range(COUNT)]
    valid, rules = 0, set()
    for payload, errors in zip(payloads, judge(payloads)):
        assert isinstance(errors, list), (errors, payload)
        by_code, by_schema = places_by_code(errors), places_by_schema(validator, payload)
        assert by_code == by_schema, (
            f"only the code: {by_code - by_schema}; only the schema: {by_schema - by_code}\n"
            f"{payload}")
        valid += not errors
        rules |= {error["rule"] for error in errors}
    # The generator must not have missed the point.
    assert COUNT * 0.1 < valid < COUNT * 0.6
    assert rules == {"required", "type", "integer", "length", "enum", "email", "date",
                     "decimals", "bytes", "items", "event", "data"}


def test_sample_is_valid_for_both():
    done = subprocess.run([JUDGE, "--sample", "42"], encoding="utf-8",
                          stdout=subprocess.PIPE, check=True, timeout=60)
    sample = done.stdout.strip()
    assert json.loads(sample)["data"]["id"] == 42
    assert judge([sample]) == [[]]
    assert not places_by_schema(make_validator(printed_schema()), sample)


def test_rules_of_the_whole_payload():
    deep = '{"a":' + "[" * 31 + "]" * 31 + "}"
    deeper = '{"a":' + "[" * 32 + "]" * 32 + "}"
    taken, too_deep, twice = judge([deep, deeper, '{"a":{"b":1,"\\u0062":2}}'])
    assert isinstance(taken, list)
    assert too_deep == {"unreadable": "nested too deep"}
    assert twice == {"unreadable": "duplicate member name"}


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "--seeds":
        sys.exit(__doc__)
    source = random.Random(SEED)
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(int(sys.argv[3])):
        (folder / f"lead-{i}.json").write_text(lead(source), encoding="utf-8")
