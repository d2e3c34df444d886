"""What replay, why and compare must say, in another language than they are made in.

    python3 oracle.py EXPORT <QUESTIONS >ANSWERS

EXPORT is what `jangbu events export` wrote. A line of QUESTIONS is an object, and so is the
line of ANSWERS to it:

    {"at": P}                                the numbers of each campaign as of position P
    {"at": P, "campaign": C, "card": CARD}   what a number of a campaign is made of
    {"at": Q, "from": P, "campaign": C}      how a campaign differs between two positions
    {"at": P, "campaigns": [C, ...]}         campaigns by their days, of Asia/Seoul
    {"at": P, "shop": S}                     and all of a shop

It folds the events of each question anew, and knows no more of Jangbu than the words of the
export. Times of the export are UTC, and sort as text once they have the same length.
"""
import datetime, decimal, json, sys

SHOWN = 200  # events of a comparison, at most
KNOWN = ["wooridongnetv", "genietv", "instagram", "naver", "kakao"]
TYPES = {
    "totalParticipants": ["ParticipantRegistered"],
    "totalExposure": ["ChannelStatsFetched"],
    "roiPercent": ["EventCreated", "DistributionCompleted"],
    "salesGrowthPercent": ["EventCreated"],
    "costPerParticipant": ["EventCreated", "DistributionCompleted"],
}


def withdrawn(log, at):
    """The positions up to one that a later withdrawal, itself in effect, names, and its position."""
    out = {}
    for e in reversed(log[:at]):
        if e["type"] == "EventsWithdrawn" and e["position"] not in out:
            for p in e["event"]["positions"]:
                out.setdefault(p, e["position"])
    return out


def in_effect(log, at):
    out = withdrawn(log, at)
    return [e for e in log[:at] if e["position"] not in out and e["type"] != "EventsWithdrawn"]


def sortable(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    return whole + "." + fraction.ljust(9, "0")


def channel(of):
    return of if of in KNOWN + ["onsite"] else "other" if of else "unknown"


def percent(part, whole):
    """To two decimals, halves away from zero."""
    if part is None or not whole:
        return None
    cents = (2 * 10_000 * abs(part) + abs(whole)) // (2 * abs(whole)) / 100
    return cents if (part < 0) == (whole < 0) else -cents


def plus(numbers):
    known = [n for n in numbers if n is not None]
    return sum(known) if known else None


def minus(a, b):
    """Of decimals: as floats 0.3 - 0.1 is none."""
    return None if None in (a, b) else a - b if isinstance(a, int) else float(decimal.Decimal(str(a)) - decimal.Decimal(str(b)))


class Campaign:
    """The events in effect of one campaign, and what they come to at a time."""

    def __init__(self, events, now):
        self.events, self.now = events, now
        self.registrations = self.of("ParticipantRegistered")
        descriptions = self.of("EventCreated")
        self.described = descriptions[-1]["event"] if descriptions else {}
        self.figures, self.costs, self.channels = {}, {}, {}
        for e in sorted(self.of("ChannelStatsFetched"), key=lambda e: (sortable(e["event"]["fetchedAt"]), e["position"])):
            self.channels.setdefault(e["event"]["channel"], 0)
            self.figures.setdefault(e["event"]["channel"], {}).update(
                {k: v for k, v in e["event"].items() if k in ("impressions", "views")})
        for e in self.of("DistributionCompleted"):
            for d in e["event"]["distributedChannels"]:
                self.channels.setdefault(d["channel"], 0)
                self.costs[d["channel"]] = plus([self.costs.get(d["channel"]), d.get("cost")])
        for e in self.registrations:
            through = channel(e["event"].get("channel"))
            self.channels[through] = self.channels.get(through, 0) + 1

    def of(self, *types):
        return [e for e in self.events if e["type"] in types]

    def exposure(self, through):
        return max(self.figures.get(through, {}).values(), default=None)

    def numbers(self):
        get, n = self.described.get, len(self.registrations)
        newcomers = sum(e["event"].get("newCustomer") is True for e in self.registrations)
        given = get("prizeCost") is not None and get("platformCost") is not None
        cost = get("prizeCost") + get("platformCost") + (plus(self.costs.values()) or 0) if given else None
        revenue = None
        if get("expectedSalesIncrease") is not None or get("newCustomerLtv") is not None:
            revenue = (get("expectedSalesIncrease") or 0) + newcomers * (get("newCustomerLtv") or 0)
        begun = not get("startsAt") or sortable(get("startsAt")) <= sortable(self.now)
        roi = percent(revenue - cost, cost) if None not in (cost, revenue) and n and begun else None
        return {
            "totalParticipants": n,
            "totalExposure": plus(self.exposure(c) for c in KNOWN),
            "roiPercent": roi,
            "salesGrowthPercent": percent(get("expectedSalesIncrease"), get("baselineSales")),
            "costPerParticipant": (2 * cost + n) // (2 * n) if n and cost is not None else None,
            "totalCost": cost,
        }

    def by_channel(self):
        return {c: [n, self.exposure(c), self.costs.get(c)] for c, n in self.channels.items()}


def traced(events):
    return [[e["position"], e.get("topic"), e.get("partition"), e.get("offset")] for e in events]


class Oracle:
    def __init__(self, path):
        with open(path, encoding="utf-8") as lines:
            self.log = [json.loads(line) for line in lines]

    def campaign(self, name, at):
        now = self.log[at - 1]["recordedAt"]
        return Campaign([e for e in in_effect(self.log, at) if e["campaign"] == name], now)

    def numbers(self, at):
        names = {e["campaign"] for e in in_effect(self.log, at)}
        return {name: {**(c := self.campaign(name, at)).numbers(), "byChannel": c.by_channel()} for name in names}

    def why(self, at, campaign, card):
        c = self.campaign(campaign, at)
        return {"total": c.numbers()[card], "events": traced(c.of(*TYPES[card])), "byChannel": c.by_channel()}

    def difference(self, at, before, campaign):
        was, now = self.campaign(campaign, before), self.campaign(campaign, at)
        had, has = ({e["position"] for e in c.events} for c in (was, now))
        changed = sorted([e for e in now.events if e["position"] not in had] + [e for e in was.events if e["position"] not in has],
                         key=lambda e: e["position"])
        between, by = self.log[before:at], withdrawn(self.log, at)
        return {
            "withdrawals": [[e["position"], e["event"]["positions"], by.get(e["position"])] for e in between
                            if e["type"] == "EventsWithdrawn" and e["campaign"] == campaign],
            "from": was.numbers(),
            "to": now.numbers(),
            "difference": {n: minus(now.numbers()[n], was.numbers()[n]) for n in now.numbers()},
            "events": [one + [one[0] in has] for one in traced(changed)][:SHOWN],
            "eventsLeft": max(0, len(changed) - SHOWN),
        }

    def shop(self, at, shop):
        names = sorted({e["campaign"] for e in in_effect(self.log, at)})
        of = [name for name in names if self.campaign(name, at).described.get("storeId") == shop]
        return {**self.days(at, of), "campaigns": of}

    def days(self, at, campaigns):
        seoul = datetime.timezone(datetime.timedelta(hours=9))

        def day(text):
            return datetime.datetime.fromisoformat(text[:19] + "+00:00").astimezone(seoul).date()

        columns, last = [], 0
        for c in (self.campaign(name, at) for name in campaigns):
            on = sorted(day(e["occurredAt"]) for e in c.registrations)
            begin = day(c.described["startsAt"]) if c.described.get("startsAt") else on[0] if on else None
            if begin is None:
                columns.append(([], -1))
                continue
            on = [(d - begin).days for d in on]
            last = max([last] + [n + 1 for n in on])
            columns.append((on, max([(day(c.now) - begin).days] + on)))
        return {"days": [[sum(d <= n for d in on) if n <= come else None for on, come in columns] for n in range(last)]}


def main():
    oracle = Oracle(sys.argv[1])
    for line in sys.stdin:
        q = json.loads(line)
        if "card" in q:
            answer = oracle.why(q["at"], q["campaign"], q["card"])
        elif "from" in q:
            answer = oracle.difference(q["at"], q["from"], q["campaign"])
        elif "shop" in q:
            answer = oracle.shop(q["at"], q["shop"])
        elif "campaigns" in q:
            answer = oracle.days(q["at"], q["campaigns"])
        else:
            answer = oracle.numbers(q["at"])
        print(json.dumps(answer))


main()
