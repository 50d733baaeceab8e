"""What holds for every destination, whatever went wrong on the way."""

import collections


def check(requests, sent, given_up=(), uncertain=False):
    """Hold what a CRM got against what it was sent.

    ``sent`` maps a lead's id to its payloads in the order they were accepted.
    All but those in ``given_up`` must have got their yes; per lead in order;
    again only when nobody can have known the yes, and then under the same key.
    ``uncertain``: yeses may have got lost although the CRM sent them whole, with a
    relay that died, or with one that would not wait.
    """
    place = {body: (lead, at) for lead, bodies in sent.items() for at, body in enumerate(bodies)}
    by_body = collections.defaultdict(list)
    newest = collections.defaultdict(lambda: -1)
    for request in requests:
        assert request.body in place, "something arrived that nobody sent"
        lead, at = place[request.body]
        assert at >= newest[lead], f"lead {lead}: event {at} after event {newest[lead]} had its yes"
        if request.accepted:
            newest[lead] = at
        for earlier in by_body[request.body]:
            assert uncertain or not (earlier.accepted and earlier.told), \
                "sent again after a yes that got through"
        by_body[request.body].append(request)
    for body, same in by_body.items():
        assert len({request.key for request in same}) == 1, "a repeat under another key"
        assert len({request.event for request in same}) == 1
    assert len({same[0].key for same in by_body.values()}) == len(by_body), "a key used twice"
    lost = [place[body] for body in place if body not in given_up
            and not any(request.accepted for request in by_body[body])]
    assert not lost, f"never delivered (lead, event): {lost}"
