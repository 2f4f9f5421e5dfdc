"""What distributed operations come to, by the standard's rules: a naive model of a network of brokers.

Written from the clauses of GS CIM 009 V1.9.1 alone; every rule names its clause. There are no sockets and no clocks: a
node asks another by calling it. What may be answered, where the clauses leave it open, says federation_rules.py.
"""
from federation_rules import (CONFLICT, NULL, Entity, Outcome, merge, merge_auxiliary, merge_patch, no_answer,
                              proxied, refused)


class Node:
    """A broker: what it holds and what is registered at it."""

    def __init__(self, name, alias=None):
        self.name, self.alias = name, alias or name
        self.entities = {}  # id: Entity
        self.past = {}  # id: (kind, {attribute: [instance, …]})
        self.registrations = []
        self.answers = True  # neither killed nor hanging

    # Who is asked

    def sources(self, via, *modes, temporal=False):
        """5.12, 6.3.18: none whose alias stands in Via."""
        return [each for each in self.registrations
                if each.mode in modes and each.source.alias not in via and each.temporal == temporal]

    def matching(self, via, id, kinds, names, *modes, temporal=False):
        """(registration, attributes that it is about) for an entity; without names it is about the entity alone."""
        for each in self.sources(via, *modes, temporal=temporal):
            infos = [info for info in each.infos if info.takes(id, kinds)]
            mine = set().union(*(info.names(names) for info in infos))
            if infos and (mine or not names):
                yield each, mine

    def forward(self, registration, via, operation, *arguments):
        """One request; localOnly asks the source for its own alone (5.5.13). None: no answer in time."""
        if not registration.source.answers:
            return None
        call = getattr(registration.source, operation)
        return call(*arguments, via=(*via, self.alias), local=registration.local_only)

    # Provision of whole entities and of several attributes: 5.6.1, 5.6.2, 5.6.3, 5.6.17, 5.6.18

    def distribute(self, operation, id, kinds, attrs, via, local, **more):
        """The order that these clauses share: exclusive, redirect, what they match is removed; inclusive. Returns the
        outcome so far, what remains, and whether anybody was asked."""
        outcome, rest = Outcome(), dict(attrs)
        for mode in () if local else ("exclusive", "redirect", "inclusive"):
            taken, several = set(), 0
            for registration, mine in self.matching(via, id, kinds, rest, mode) if rest else ():
                if mode != "inclusive":
                    taken |= mine
                elif not registration.supports(operation):
                    continue
                several += 1
                if not registration.supports(operation):
                    outcome.add(refused(mine), several > 1)
                    continue
                answer = self.forward(registration, via, "provide", operation, id, kinds,
                                      {name: rest[name] for name in mine}, more) or no_answer(mine)
                outcome.add(answer if mode == "inclusive" else proxied(answer), mode == "inclusive" or several > 1)
            rest = {name: sets for name, sets in rest.items() if name not in taken}
        return outcome, rest

    def provide(self, operation, id, kinds, attrs, more=None, via=(), local=False):
        """One of the five. 4.3.6.3: what is proxied is never held here, so that nothing is done here where all is."""
        outcome, rest = self.distribute(operation, id, kinds, attrs, via, local, **more or {})
        if rest or not attrs:
            anybody = outcome.good or outcome.codes or outcome.missing
            mine = getattr(self, "local_" + operation)(id, kinds, rest, **more or {})
            if operation != "createEntity" and mine.missing and outcome.good:
                mine.missing = False  # 5.6.2.4 etc.: not known here is an error where no registration applies
            outcome.add(mine, bool(anybody))
        return outcome

    def local_createEntity(self, id, kinds, attrs):
        if id in self.entities:
            return Outcome(codes={CONFLICT}, failed=set(attrs))
        self.entities[id] = Entity(id, kinds, attrs).copy()
        return Outcome(good=True, created=True, done=set(attrs))

    def held(self, id, kinds):
        entity = self.entities.get(id)
        return entity if entity and (not kinds or entity.kinds & kinds) else None

    def local_updateEntity(self, id, kinds, attrs):
        """5.6.2, 5.5.8: instances with the same datasetId are replaced, others added."""
        return self.local_appendAttrs(id, kinds, attrs)

    def local_appendAttrs(self, id, kinds, attrs, overwrite=True):
        """5.6.3."""
        entity = self.held(id, kinds)
        if not entity:
            return Outcome(missing=True, failed=set(attrs))
        outcome = Outcome(updated=True)
        for name, sets in attrs.items():
            for dataset, instance in sets.items():
                if overwrite or dataset not in entity.attrs.get(name, {}):
                    entity.attrs.setdefault(name, {})[dataset] = instance
                    outcome.done.add(name)
                    outcome.good = True
                else:
                    outcome.left.add(name)
        return outcome

    def local_mergeEntity(self, id, kinds, attrs):
        """5.6.17, 5.5.12: members are merged; a value that is NGSI-LD Null removes the instance."""
        entity = self.held(id, kinds)
        if not entity:  # what is to be removed and is not there is no loss
            return Outcome(missing=True, failed={name for name, sets in attrs.items() if any(
                instance.get("value") != NULL for instance in sets.values())})
        for name, sets in attrs.items():
            for dataset, instance in sets.items():
                mine = entity.attrs.setdefault(name, {})
                if instance.get("value") == NULL:
                    mine.pop(dataset, None)
                else:
                    mine[dataset] = merge_patch(mine.get(dataset, {}), instance)
                if not mine:
                    del entity.attrs[name]
        return Outcome(good=True, updated=True, done=set(attrs))

    def local_replaceEntity(self, id, kinds, attrs):
        """5.6.18. Unlike for 5.6.2, 5.6.3 and 5.6.17 the answer does not say whether all attributes were taken."""
        if not self.held(id, kinds):
            return Outcome(missing=True)
        self.entities[id] = Entity(id, kinds or self.entities[id].kinds, attrs).copy()
        return Outcome(good=True, updated=True, done=set(attrs))

    # One attribute: 5.6.4, 5.6.5, 5.6.19

    def attribute(self, operation, id, kinds, name, fragment, dataset=None, everything=False, via=(), local=False):
        """Where a proxied registration matches, no further processing is required."""
        outcome = Outcome()
        arguments = operation, id, kinds, name, fragment, dataset, everything
        for modes in () if local else (("exclusive", "redirect"), ("inclusive",)):
            several = 0
            for registration, _ in self.matching(via, id, kinds, [name], *modes):
                if modes == ("inclusive",) and not registration.supports(operation):
                    continue
                several += 1
                if not registration.supports(operation):
                    outcome.add(refused([name]), several > 1)
                    continue
                answer = self.forward(registration, via, "attribute", *arguments) or no_answer([name])
                outcome.add(answer if modes == ("inclusive",) else proxied(answer),
                            modes == ("inclusive",) or several > 1)
            if several and modes != ("inclusive",):
                return outcome
        anybody = outcome.good or outcome.codes or outcome.missing
        return outcome.add(self.local_attribute(*arguments), bool(anybody))

    def local_attribute(self, operation, id, kinds, name, fragment, dataset, everything):
        entity = self.held(id, kinds)
        sets = entity.attrs.get(name, {}) if entity else {}
        if not sets or not everything and dataset not in sets:
            return Outcome(missing=True, failed={name})
        if operation == "updateAttrs":  # 5.5.8: the members given, the others stay
            sets[dataset] = {**sets[dataset], **fragment}
        elif operation == "replaceAttrs":
            sets[dataset] = fragment
        elif everything:
            sets.clear()
        else:
            del sets[dataset]
        if not sets:
            del entity.attrs[name]
        return Outcome(good=True, done={name})

    # Deletion: 5.6.6, 5.6.21

    def delete(self, id, kinds=None, via=(), local=False):
        """All registrations that match the id are asked, then the entity is removed here if it exists."""
        outcome = Outcome()
        several = 0
        for mode in () if local else ("exclusive", "redirect", "inclusive"):
            for registration, _ in self.matching(via, id, kinds, [], mode):
                if mode == "inclusive" and not registration.supports("deleteEntity"):
                    continue
                several += 1
                answer = refused([]) if not registration.supports("deleteEntity") else (
                    self.forward(registration, via, "delete", id, kinds) or no_answer([]))
                outcome.add(answer if mode == "inclusive" else proxied(answer), mode == "inclusive" or several > 1)
        here = self.held(id, kinds)
        if here:
            del self.entities[id]
        return outcome.add(Outcome(good=bool(here), missing=not here and not outcome.good), bool(here and several))

    def purge(self, query, keep=None, drop=None, via=(), local=False):
        """5.6.21, selected by id and type alone: whole entities, or attributes of them."""
        outcome = Outcome(good=True)
        for id in [id for id, entity in self.entities.items() if query.names(entity)]:
            if keep is None and drop is None:
                del self.entities[id]
                continue
            attrs = self.entities[id].attrs
            for name in [name for name in attrs if (name not in keep if keep is not None else name in drop)]:
                del attrs[name]
        for registration in () if local else self.sources(via, "exclusive", "redirect", "inclusive"):
            if not registration.supports("purgeEntity"):
                continue
            for info in registration.infos:
                narrow = query.narrowed(info)
                if narrow:
                    narrow.attrs = None  # ids and types alone
                    # 4.3.6.1: only the attributes that are registered
                    keep_there, drop_there = keep, drop
                    if info.attrs:
                        drop_there = info.attrs if keep is None and drop is None else (
                            info.attrs - set(keep) if keep is not None else info.attrs & set(drop))
                        keep_there = None
                    outcome.add(self.forward(registration, via, "purge", narrow, keep_there, drop_there)
                                or no_answer([]))
        return outcome

    # Batches: 5.6.7, 5.6.8, 5.6.9, 5.6.10, 5.6.20. Each answers {id: Outcome}.

    def batch(self, operation, entities, more=None, via=(), local=False):
        """entities: each once. more: overwrite (5.6.9), update (5.6.8)."""
        more = more or {}
        outcomes = {entity.id: Outcome() for entity in entities}
        remaining = {entity.id: entity.copy() for entity in entities}
        modes = () if local else ("exclusive", "redirect", "inclusive")
        claims = {mode: {entity.id: list(self.matching(via, entity.id, entity.kinds, entity.attrs, mode))
                         for entity in entities} for mode in ("exclusive", "redirect")}
        for registration in self.sources(via, *modes):
            batch = []
            for entity in entities:
                mine = {id(r): names for r, names in self.matching(via, entity.id, entity.kinds, entity.attrs,
                                                                   registration.mode)}.get(id(registration))
                if mine is None:
                    continue
                others = [names for claim, names in claims["exclusive"][entity.id] if claim is not registration]
                if registration.mode != "redirect":
                    others += [names for _, names in claims["redirect"][entity.id]]
                left = entity.only(mine - set().union(*others))
                if left.attrs or not entity.attrs:
                    batch.append(left)
            for each, outcome in self.batch_at(registration, operation, batch, more, via).items():
                outcomes[each].add(outcome)
        for mode in ("exclusive", "redirect") if not local else ():
            for each, claimed in claims[mode].items():
                for name in set().union(*(names for _, names in claimed)):
                    remaining[each].attrs.pop(name, None)
        for entity in entities:
            rest = remaining[entity.id]
            if rest.attrs or not entity.attrs:
                mine = self.local_batch(operation, rest, more)
                if operation != "createBatch" and mine.missing and outcomes[entity.id].good:
                    mine.missing = False
                outcomes[entity.id].add(mine)
        return outcomes

    def batch_at(self, registration, operation, batch, more, via):
        """The batch where it is supported, else one by one, else Conflict where the source is the only one."""
        if not batch:
            return {}
        fits = proxied if registration.mode != "inclusive" else lambda outcome: outcome
        if registration.supports(operation):
            answers = self.forward(registration, via, "batch", operation, batch, more)
            return {e.id: fits((answers or {}).get(e.id) or no_answer(e.attrs)) for e in batch}
        outcomes = {}
        for entity in batch:
            outcome = self.one_of_batch(registration, operation, entity, more, via)
            if outcome is not None:
                outcomes[entity.id] = fits(outcome)
            elif registration.mode != "inclusive":
                outcomes[entity.id] = refused(entity.attrs)
        return outcomes

    def one_of_batch(self, registration, operation, entity, more, via):
        def ask(name, **options):
            if name == "deleteEntity":
                return self.forward(registration, via, "delete", entity.id) or no_answer([])
            return self.forward(registration, via, "provide", name, entity.id, entity.kinds, entity.attrs,
                                options) or no_answer(entity.attrs)

        single = {"createBatch": "createEntity", "mergeBatch": "mergeEntity", "deleteBatch": "deleteEntity",
                  "updateBatch": "updateEntity" if more.get("overwrite", True) else "appendAttrs",
                  "upsertBatch": "updateEntity" if more.get("update") else "replaceEntity"}[operation]
        if operation == "upsertBatch" and registration.supports("createEntity"):
            outcome = ask("createEntity")
            if outcome.good or outcome.codes != {CONFLICT}:
                return outcome
            if not registration.supports(single):
                return Outcome(codes={422}, failed=set(entity.attrs))  # OperationNotSupported
        if not registration.supports(single):
            return None
        return ask(single, **({"overwrite": False} if single == "appendAttrs" else {}))

    def local_batch(self, operation, entity, more):
        arguments = entity.id, entity.kinds, entity.attrs
        if operation == "createBatch":
            return self.local_createEntity(*arguments)
        if operation == "mergeBatch":
            return self.local_mergeEntity(*arguments)
        if operation == "updateBatch":
            return self.local_appendAttrs(*arguments, more.get("overwrite", True))
        if operation == "deleteBatch":
            here = self.entities.pop(entity.id, None)
            return Outcome(good=bool(here), missing=not here)
        if entity.id not in self.entities:
            return self.local_createEntity(*arguments)
        return (self.local_updateEntity if more.get("update") else self.local_replaceEntity)(*arguments)

    # Consumption: 5.7.1, 5.7.2. Answers ({id: Entity}, registrations that failed).

    def query(self, query, operation="queryEntity", via=(), local=False):
        found, failed = {}, set()
        early = local or not query.split  # filters before merging; after it where entities are split
        for entity in self.entities.values():
            shown = Entity(entity.id, entity.kinds, {name: {dataset: [instance] for dataset, instance in sets.items()}
                                                     for name, sets in entity.attrs.items()})
            if query.names(shown) and (not early or query.filters(shown)):
                merge(found, shown)
        for take, modes in () if local else ((merge, ("exclusive", "redirect", "inclusive")),
                                             (merge_auxiliary, ("auxiliary",))):
            for registration in self.sources(via, *modes):
                if registration.supports(operation):
                    for info in registration.infos:
                        self.query_source(query, operation, registration, info, take, (found, failed), via)
        if query.split and not local:
            found = {id: entity for id, entity in found.items() if query.filters(entity)}
        if query.attrs is not None:
            found = {id: entity.only(query.attrs) for id, entity in found.items()}
        return found, failed

    def query_source(self, query, operation, registration, info, take, result, via):
        narrow = query.narrowed(info)
        if not narrow:
            return
        answer = self.forward(registration, via, "query", narrow, operation)
        if answer is None:
            result[1].add(registration.id)
            return
        for entity in answer[0].values():
            if info.takes(entity.id, entity.kinds):
                bounded = entity.only(info.attrs) if info.attrs else entity
                bounded.sure = entity.sure and (not info.attrs or bool(bounded.attrs))
                take(result[0], bounded)

    # Temporal evolution: 5.6.11, 5.6.12, 5.6.13, 5.6.16, 5.7.3, 5.7.4

    def provide_past(self, operation, id, kind, attrs, via=(), local=False):
        """attrs: {name: [instance, …]}; none: the whole evolution is deleted; without instances: the attribute is."""
        outcome, rest = Outcome(), dict(attrs)
        for mode in () if local else ("exclusive", "redirect", "inclusive"):
            taken, asked = set(), 0
            for registration, mine in self.matching(via, id, frozenset([kind]), rest, mode, temporal=True) \
                    if rest or not attrs else ():
                asked += 1
                if not registration.supports(operation):
                    outcome.add(refused(mine), asked > 1)
                else:
                    answer = self.forward(registration, via, "provide_past", operation, id, kind,
                                          {name: rest[name] for name in mine}) or no_answer(mine)
                    outcome.add(answer if mode == "inclusive" else proxied(answer), mode == "inclusive" or asked > 1)
                taken |= mine if mode != "inclusive" else set()
            rest = {name: instances for name, instances in rest.items() if name not in taken}
            if mode == "redirect" and not rest and (outcome.good or outcome.codes or outcome.missing):
                return outcome
        return outcome.add(self.local_past(operation, id, kind, rest, outcome.good))

    def local_past(self, operation, id, kind, attrs, elsewhere):
        here = self.past.get(id)
        if operation == "upsertTemporal":
            _, mine = self.past.setdefault(id, (kind, {}))
            for name, instances in attrs.items():
                mine.setdefault(name, []).extend(instances)
            return Outcome(good=True, created=not here, updated=bool(here), done=set(attrs))
        if not here or operation == "deleteAttrsTemporal" and not set(attrs) & set(here[1]):
            return Outcome(missing=not elsewhere)
        if operation == "appendAttrsTemporal":
            for name, instances in attrs.items():
                here[1].setdefault(name, []).extend(instances)
        elif operation == "deleteAttrsTemporal":
            for name in attrs:
                here[1].pop(name, None)
        else:
            del self.past[id]
        return Outcome(good=True, updated=True)

    def query_past(self, query, operation, after, via=(), local=False):
        """{id: {attribute: [instance, …]}} of instances observed from a time on (4.11). What is known twice is told
        once (4.5.5)."""
        found, failed = {}, set()
        for id, (kind, attrs) in self.past.items():
            if query.names(Entity(id, frozenset([kind]), {})):
                found[id] = {name: [each for each in instances if each["observedAt"] >= after]
                             for name, instances in attrs.items()}
        for registration in () if local else self.sources(via, "exclusive", "redirect", "inclusive", temporal=True):
            for info in registration.infos if registration.supports(operation) else ():
                narrow = query.narrowed(info)
                answer = self.forward(registration, via, "query_past", narrow, operation, after) if narrow else ({}, ())
                if answer is None:
                    failed.add(registration.id)
                    continue
                for id, attrs in answer[0].items():
                    for name, instances in attrs.items():
                        mine = found.setdefault(id, {}).setdefault(name, [])
                        mine += [each for each in instances if each not in mine]
        return {id: {name: instances for name, instances in attrs.items() if instances}
                for id, attrs in found.items()}, failed

    # Types and attributes: 5.7.5 to 5.7.11

    def available(self, operation, via=()):
        """{type: attributes} held here, as registrations say, as sources say within their registrations (4.3.6.1), and
        all that sources say (5.7.11: "the returned lists are merged")."""
        own, registered = {}, {}
        for entity in self.entities.values():
            for kind in entity.kinds:
                own.setdefault(kind, set()).update(entity.attrs)
        asked, merged = ({kind: set(names) for kind, names in own.items()} for _ in range(2))
        for registration in self.sources(via, "exclusive", "redirect", "inclusive", "auxiliary"):
            for info in registration.infos:
                registered.setdefault(info.kind, set()).update(info.attrs or ())
            if not registration.supports(operation) or not registration.source.answers:
                continue
            answers = registration.source.available(operation, (*via, self.alias))
            bounded, everything = (answers[0],) * 2 if registration.local_only else answers[2:]
            for info in registration.infos:
                if info.kind in bounded:
                    asked.setdefault(info.kind, set()).update(info.names(bounded[info.kind]))
            for kind, names in everything.items():
                merged.setdefault(kind, set()).update(names)
        return own, registered, asked, merged
