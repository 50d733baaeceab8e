"""Leads to send: the documented sample and its relatives."""

import itertools

from .tokens import compact

_ids = itertools.count(100000)


def next_id():
    """A lead id that no other test in this run uses."""
    return next(_ids)


def sample(lead_id=None, event="lead.updated", **fields):
    """LeadPro's documented sample as a value; keywords replace or add fields of data."""
    data = {
        "id": next_id() if lead_id is None else lead_id,
        "title": "Sir", "first_name": "Richard", "last_name": "Branson",
        "full_name": "Sir Ricard Branson", "email": "rbranson@virgin.com",
        "type": "vendor", "source": "homepage", "phone": "07123456789",
        "address": "51 Asimov Place, Starbridge", "postcode": "N1 3JY",
        "advert_address": "51 Asimov Place, Starbridge", "advert_postcode": "N1 3JY",
        "advert_image": "https://www.site.com/result",
        "advert_url": "https://via.placeholder.com/150",
        "appointment_availability": {
            "hours": ["2021-01-01T08:00:00.000Z", "2021-01-01T09:00:00.000Z"]},
        "message": "When can we view?", "meta": {"virtual tour": "true"},
    }
    data.update(fields)
    return {"event": event, "data": data}


def payload(lead_id=None, **fields):
    """The same, as the bytes that get signed."""
    return compact(sample(lead_id, **fields))


def payload_of_token_size(characters, lead_id=None):
    """A valid payload whose token (HS256, the usual header) has about that many characters.

    What cannot go into the sized fields goes into a member LeadPro does not
    document: unknown members are kept and relayed.
    """
    overhead = len("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9") + 1 + 1 + 43
    target = (characters - overhead) * 3 // 4
    value = sample(lead_id, padding="")
    bare = len(compact(value))
    if target < bare:
        raise ValueError(f"the sample alone makes a token over {characters} characters")
    value["data"]["padding"] = "p" * (target - bare)
    return compact(value)
