import MartletCore
import MartletMessaging
import Synchronization

extension MessageBusConformance {
    static let delivery: [Check] = [
        Check("delivers published events unchanged, and each key in order") { bus, _ in
            let events = (1...20).flatMap { number in
                ["a", "b", "c", "d", "e"].map { Envelope.numbered(number, of: $0) }
            }
            for start in stride(from: 0, to: events.count, by: 10) {
                try await bus.publish(Array(events[start..<start + 10]))
            }
            let deliveries = try await bus.join("g").receive(exactly: events.count)
            try expect(Set(deliveries.map(\.event)) == Set(events), "an event was lost or changed")
            for key in ["a", "b", "c", "d", "e"] {
                let numbers = deliveries.filter { ExactText($0.event.key) == ExactText(key) }.map(\.event.sequence)
                try expect(numbers == Array(1...20), "key \(key) was delivered as \(numbers)")
            }
            try expect(deliveries.allSatisfy { $0.attempt == 1 }, "a first delivery is not the first attempt")
        },
        Check("preserves every attribute of an event") { bus, _ in
            let event = Envelope(
                id: "i",
                source: "test",
                epoch: 7,
                topic: "things",
                key: "schlüssel",
                sequence: 3,
                time: Timestamp(microseconds: 1_767_225_600_123_456),
                keySince: Timestamp(microseconds: 1_767_225_000_654_321),
                traceparent: "00-a-b-01",
                tenant: "t",
                type: EventType("things.v1.Thing", contentType: "application/json"),
                body: [0, 255]
            )
            try await bus.publish([event])
            let deliveries = try await bus.join("g").receive(exactly: 1)
            try expect(deliveries.first?.event == event, "was delivered as \(deliveries)")
        },
        Check("keys, topics and groups that look alike are different ones") { bus, _ in
            // The letter K, and the Kelvin sign, which `String` takes for equal.
            let keys = ["K", "\u{212A}"]
            for key in keys { try await bus.publish([.numbered(1, of: key)]) }
            for group in keys {
                let deliveries = try await bus.join(group).receive(exactly: 2)
                let delivered = Set(deliveries.map { ExactText($0.event.key) })
                try expect(delivered == Set(keys.map { ExactText($0) }), "group \(group) received \(deliveries)")
            }
            for topic in ["things\u{37E}", "things;"] {
                let outcomes = try await bus.publish([.numbered(1, on: topic)])
                // Such topics may be refused.
                guard outcomes == [.accepted] else { return }
            }
            let deliveries = try await bus.join("g", on: "things;").receive(exactly: 1)
            try expect(deliveries.map { ExactText($0.event.topic) } == ["things;"], "was delivered as \(deliveries)")
        },
        Check("answers for each event: a refused one stops only its key") { bus, _ in
            // A name that no broker has to accept, with a letter of every byte length.
            let other = "\u{20}things\u{20AC}/\u{1F4E6}"
            let outcomes = try await bus.publish([
                .numbered(1, of: "a"), .numbered(1, on: other), .numbered(2, of: "a"), .numbered(2, on: other),
                .numbered(1, of: "b"),
            ])
            try expect(outcomes.count == 5, "answered \(outcomes.count) of 5 events")
            try expect([0, 2, 4].allSatisfy { outcomes[$0] == .accepted }, "refused an event of another key")
            try expect(outcomes[1] != .accepted || outcomes[3] == .accepted, "the order of a key is answered twice")
            if outcomes[1] != .accepted {
                try expect(outcomes[3] != .accepted, "accepted an event behind a refused one of its key")
            }
            let ids = Set(try await bus.join("g").receive(exactly: 3).map { ExactText($0.event.id) })
            let expected = ["a/1", "a/2", "b/1"].map { ExactText("test/1/things/\($0)") }
            try expect(ids == Set(expected), "delivered \(ids)")
        },
        Check("delivers to a waiting member") { bus, _ in
            let member = try await bus.join("g")
            async let deliveries = member.receive(limit: 10)
            try await bus.publish([.numbered(1)])
            let delivered = try await deliveries.map(\.event)
            try expect(delivered == [.numbered(1)], "was delivered as \(delivered)")
        },
        Check("a waiting member can be cancelled") { bus, _ in
            let member = try await bus.join("g")
            let isCancelled = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        _ = try await member.receive(limit: 1)
                        return false
                    } catch {
                        return true
                    }
                }
                group.cancelAll()
                return await group.next() ?? false
            }
            try expect(isCancelled, "the member was not cancelled")
        },
        Check("delivers at most as many as requested") { bus, _ in
            try await bus.publish((1...10).map { .numbered($0) })
            let member = try await bus.join("g")
            let deliveries = try await member.receive(limit: 3)
            try expect(deliveries.count <= 3, "\(deliveries.count) were delivered")
        },
    ]

    static let redelivery: [Check] = [
        Check("redelivers after the delay", needs: [.delays, .countsAttempts]) { bus, clock in
            let member = try await bus.join("g")
            try await bus.publish([.numbered(1)])
            let first = try await member.receive(exactly: 1)
            let asked = clock.time.now
            try await member.redeliver(first.map(\.id), after: .seconds(2))
            try await bus.publish([.numbered(2)])
            var again: Delivery?
            var others: [Delivery] = []
            while again == nil || others.isEmpty {
                for delivery in try await member.receive(exactly: 1) {
                    if delivery.event == .numbered(1) { again = delivery } else { others.append(delivery) }
                }
                let passed = clock.time.now - asked
                try expect(again == nil || passed >= .seconds(2), "was delivered again \(passed) after the request")
                if again == nil, !others.isEmpty { clock.advance(by: .seconds(2)) }
            }
            try expect(others.map(\.event.sequence) == [2], "\(others.map(\.event.sequence)) was delivered instead")
            try expect(again?.attempt == 2, "the attempt was not counted")
        },
        Check("redelivers immediately without a delay") { bus, _ in
            let member = try await bus.join("g")
            try await bus.publish([.numbered(1)])
            let first = try await member.receive(exactly: 1)
            try await member.redeliver(first.map(\.id), after: .zero)
            try expect(try await member.receive(exactly: 1).map(\.event) == first.map(\.event), "wrong event delivered")
        },
        Check("redelivers the unacknowledged deliveries of a member that left, in order") { bus, _ in
            try await bus.publish((1...5).map { .numbered($0) })
            let first = try await bus.join("g")
            let deliveries = try await first.receive(exactly: 5)
            try await first.acknowledge([deliveries[0].id])
            await first.leave()
            let second = try await bus.join("g").receive(exactly: 4)
            try expect(second.map(\.event.sequence) == [2, 3, 4, 5], "\(second.map(\.event.sequence)) was delivered")
        },
        Check("does not redeliver acknowledged deliveries, also out of order", needs: [.acknowledgesEach]) { bus, _ in
            try await bus.publish((1...4).map { .numbered($0) })
            let first = try await bus.join("g")
            let deliveries = try await first.receive(exactly: 4)
            try await first.acknowledge([deliveries[2].id, deliveries[0].id])
            await first.leave()
            let rest = try await bus.join("g").receive(exactly: 2)
            try expect(rest.map(\.event.sequence) == [2, 4], "\(rest.map(\.event.sequence)) was delivered")
        },
        Check(
            "redelivers what a member never acknowledges to a waiting one",
            needs: [.takesFromStuck, .countsAttempts]
        ) { bus, clock in
            let members = [try await bus.join("g"), try await bus.join("g")]
            try await bus.publish([.numbered(1)])
            let received = try await withThrowingTaskGroup(of: [Delivery].self) { group in
                for member in members { group.addTask { try await member.receive(limit: 1) } }
                let deliveries = try await group.next() ?? []
                await clock.waitForSleepers()
                clock.advance(by: .seconds(3_600))
                return [deliveries, try await group.next() ?? []]
            }
            try expect(received[1].map(\.event) == received[0].map(\.event), "\(received[1]) was delivered")
            try expect(received[1].map(\.attempt) == [2], "the attempt was not counted")
        },
        Check("rejects a member that has left") { bus, _ in
            let member = try await bus.join("g")
            await member.leave()
            await member.leave()
            do {
                _ = try await member.receive(limit: 1)
            } catch {
                return
            }
            throw MessageBusConformanceFailure(description: "a member received after it had left")
        },
    ]

    static let sharing: [Check] = [
        Check("distributes the events of a group among its members, each event to one") { bus, _ in
            let members = [try await bus.join("g"), try await bus.join("g")]
            let events = (1...40).map { Envelope.numbered(1, of: "key-\($0)") }
            try await bus.publish(events)
            let received = try await drain(members, until: events.count)
            try expect(received.flatMap { $0 }.count == events.count, "\(received.map(\.count)) were delivered")
            try expect(Set(received.flatMap { $0 }) == Set(events), "an event was lost")
            try expect(received.allSatisfy { !$0.isEmpty }, "one member got every event")
        },
        Check("delivers every event to every group") { bus, _ in
            try await bus.publish([.numbered(1), .numbered(2)])
            for group in ["g", "h"] {
                let deliveries = try await bus.join(group).receive(exactly: 2)
                try expect(deliveries.map(\.event.sequence) == [1, 2], "\(group) got \(deliveries)")
            }
        },
        Check("starts a group at the oldest or at the next event, as requested", needs: [.startsAtOldest]) { bus, _ in
            try await bus.publish([.numbered(1)])
            let late = try await bus.join("late", .latest)
            let early = try await bus.join("early", .earliest)
            try await bus.publish([.numbered(2)])
            try expect(
                try await late.receive(exactly: 1).map(\.event.sequence) == [2],
                "late did not start at the next event"
            )
            try expect(try await early.receive(exactly: 2).map(\.event.sequence) == [1, 2], "early missed an event")
        },
        Check("an existing group resumes at its position, regardless of the requested start") { bus, _ in
            let first = try await bus.join("g", .latest)
            await first.leave()
            try await bus.publish([.numbered(1)])
            let second = try await bus.join("g", .latest).receive(exactly: 1)
            try expect(second.map(\.event.sequence) == [1], "the group lost its position")
        },
    ]

    static let counts: [Check] = [
        Check("a group goes back to the oldest event on request, and continues from there", needs: [.goesBack]) {
            bus,
            _ in
            try await bus.publish((1...3).map { .numbered($0) })
            let first = try await bus.join("g")
            let received = try await first.receive(exactly: 3)
            try await first.acknowledge(received.prefix(2).map(\.id))
            await first.leave()
            let second = try await bus.join("g", .again)
            let repeated = try await second.receive(exactly: 3)
            try expect(repeated.map(\.event.sequence) == [1, 2, 3], "\(repeated.map(\.event.sequence)) was delivered")
            try await second.acknowledge(repeated.map(\.id))
            await second.leave()
            try await bus.publish([.numbered(4)])
            let rest = try await bus.join("g").receive(exactly: 1)
            try expect(rest.map(\.event.sequence) == [4], "\(rest.map(\.event.sequence)) was delivered")
            let others = try await bus.join("new", .again).receive(exactly: 4)
            try expect(others.map(\.event.sequence) == [1, 2, 3, 4], "a new group does not start at the oldest event")
        },
        Check(
            "reports published and acknowledged counts; a repeated acknowledgement changes nothing",
            needs: [.reportsCounts]
        ) { bus, _ in
            try await bus.publish([.numbered(1), .numbered(2, of: "other"), .numbered(1, on: "words")])
            let member = try await bus.join("g")
            let deliveries = try await member.receive(exactly: 2)
            try expect(try await bus.counts(of: "g")?.lag == 2, "the lag is wrong before the acknowledgement")
            for _ in 1...2 { try await member.acknowledge([deliveries[0].id]) }
            let status = try await bus.status()
            try expect(status.map(\.topic) == ["things", "words"], "the topics are \(status.map(\.topic))")
            try expect(status.map(\.published) == [2, 1], "published is \(status.map(\.published))")
            let group = try await bus.counts(of: "g")
            try expect(
                group.map { [$0.acknowledged, $0.lag] } == [1, 1],
                "the group is \(String(describing: group))"
            )
        },
    ]

    /// Lets every member receive and acknowledge until `count` events were delivered; returns the events by member.
    private static func drain(_ members: [any GroupMember], until count: Int) async throws -> [[Envelope]] {
        let received = Received(members.count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, member) in members.enumerated() {
                group.addTask {
                    while true {
                        let deliveries = try await member.receive(limit: 7)
                        try await member.acknowledge(deliveries.map(\.id))
                        if received.add(deliveries.map(\.event), to: index) >= count { return }
                    }
                }
            }
            // The first member to reach the count stops the others.
            try await group.next()
            group.cancelAll()
        }
        return received.all
    }
}

/// The events received by each member.
private final class Received: Sendable {
    private let lists: Mutex<[[Envelope]]>

    init(_ members: Int) { lists = Mutex(Array(repeating: [], count: members)) }

    /// Returns the total number.
    func add(_ events: [Envelope], to index: Int) -> Int {
        lists.withLock { lists in
            lists[index] += events
            return lists.reduce(0) { $0 + $1.count }
        }
    }

    var all: [[Envelope]] { lists.withLock { $0 } }
}
