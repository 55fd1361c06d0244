import MartletCore
import MartletMessaging
import Synchronization

extension MessageBusConformance {
    static let delivery: [Check] = [
        Check("delivers what was published, unchanged, and each key in order") { bus, _ in
            let events = (1...20).flatMap { number in
                ["a", "b", "c", "d", "e"].map { Envelope.numbered(number, of: $0) }
            }
            for start in stride(from: 0, to: events.count, by: 10) {
                try await bus.publish(Array(events[start..<start + 10]))
            }
            let deliveries = try await bus.join("g").receive(exactly: events.count)
            try demand(Set(deliveries.map(\.event)) == Set(events), "an event was lost or changed")
            for key in ["a", "b", "c", "d", "e"] {
                let numbers = deliveries.filter { $0.event.key == key }.map(\.event.sequence)
                try demand(numbers == Array(1...20), "key \(key) came as \(numbers)")
            }
            try demand(deliveries.allSatisfy { $0.attempt == 1 }, "a first delivery is not the first attempt")
        },
        Check("keeps every attribute of an event") { bus, _ in
            let event = Envelope(
                id: "i",
                source: "s",
                epoch: 7,
                topic: "things",
                key: "schlüssel",
                sequence: 3,
                time: Timestamp(microseconds: 1_767_225_600_123_456),
                traceparent: "00-a-b-01",
                tenant: "t",
                body: [0, 255]
            )
            try await bus.publish([event])
            let deliveries = try await bus.join("g").receive(exactly: 1)
            try demand(deliveries.first?.event == event, "came as \(deliveries)")
        },
        Check("wakes a member that waits") { bus, _ in
            let member = try await bus.join("g")
            async let deliveries = member.receive(limit: 10)
            try await bus.publish([.numbered(1)])
            try demand(try await deliveries.map(\.event) == [.numbered(1)], "something else came")
        },
        Check("lets a waiting member be cancelled") { bus, _ in
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
            try demand(isCancelled, "the member went on waiting")
        },
        Check("hands out at most as many as were asked for") { bus, _ in
            try await bus.publish((1...10).map { .numbered($0) })
            let member = try await bus.join("g")
            let deliveries = try await member.receive(limit: 3)
            try demand(deliveries.count <= 3, "\(deliveries.count) came")
        },
    ]

    static let redelivery: [Check] = [
        Check("delivers again what was given back, after its pause") { bus, time in
            let member = try await bus.join("g")
            try await bus.publish([.numbered(1)])
            let first = try await member.receive(exactly: 1)
            try await member.giveBack(first.map(\.id), after: .seconds(2))
            try await bus.publish([.numbered(2)])
            let second = try await member.receive(exactly: 1)
            try demand(
                second.map(\.event.sequence) == [2],
                "\(second.map(\.event.sequence)) came before the pause was over"
            )
            time.advance(by: .seconds(2))
            let again = try await member.receive(exactly: 1)
            try demand(again.map(\.event) == first.map(\.event), "\(again.map(\.event.sequence)) came instead")
            try demand(again.allSatisfy { $0.attempt == 2 }, "the attempt was not counted")
        },
        Check("delivers again at once what was given back without a pause") { bus, _ in
            let member = try await bus.join("g")
            try await bus.publish([.numbered(1)])
            let first = try await member.receive(exactly: 1)
            try await member.giveBack(first.map(\.id), after: .zero)
            try demand(try await member.receive(exactly: 1).map(\.event) == first.map(\.event), "something else came")
        },
        Check("gives what a member left behind to the next one, in order") { bus, _ in
            try await bus.publish((1...5).map { .numbered($0) })
            let first = try await bus.join("g")
            let held = try await first.receive(exactly: 5)
            try await first.acknowledge([held[0].id])
            await first.leave()
            let second = try await bus.join("g").receive(exactly: 4)
            try demand(second.map(\.event.sequence) == [2, 3, 4, 5], "\(second.map(\.event.sequence)) came")
        },
        Check("does not deliver again what was acknowledged, also out of order") { bus, _ in
            try await bus.publish((1...4).map { .numbered($0) })
            let first = try await bus.join("g")
            let held = try await first.receive(exactly: 4)
            try await first.acknowledge([held[2].id, held[0].id])
            await first.leave()
            let rest = try await bus.join("g").receive(exactly: 2)
            try demand(rest.map(\.event.sequence) == [2, 4], "\(rest.map(\.event.sequence)) came")
        },
        Check("gives what a member holds for ever to one that waits") { bus, time in
            let members = [try await bus.join("g"), try await bus.join("g")]
            try await bus.publish([.numbered(1)])
            let taken = try await withThrowingTaskGroup(of: [Delivery].self) { group in
                for member in members { group.addTask { try await member.receive(limit: 1) } }
                let held = try await group.next() ?? []
                await time.waitForSleepers()
                time.advance(by: .seconds(3_600))
                return [held, try await group.next() ?? []]
            }
            try demand(taken[1].map(\.event) == taken[0].map(\.event), "\(taken[1]) came")
            try demand(taken[1].map(\.attempt) == [2], "the attempt was not counted")
        },
        Check("refuses a member that has left") { bus, _ in
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
        Check("shares the events of a group out among its members, each to one") { bus, _ in
            let members = [try await bus.join("g"), try await bus.join("g")]
            let events = (1...40).map { Envelope.numbered(1, of: "key-\($0)") }
            try await bus.publish(events)
            let taken = try await drain(members, until: events.count)
            try demand(taken.flatMap { $0 }.count == events.count, "\(taken.map(\.count)) came")
            try demand(Set(taken.flatMap { $0 }) == Set(events), "an event was lost")
            try demand(taken.allSatisfy { !$0.isEmpty }, "one member got everything")
        },
        Check("gives every group every event") { bus, _ in
            try await bus.publish([.numbered(1), .numbered(2)])
            for group in ["g", "h"] {
                let deliveries = try await bus.join(group).receive(exactly: 2)
                try demand(deliveries.map(\.event.sequence) == [1, 2], "\(group) got \(deliveries)")
            }
        },
        Check("begins a group with the oldest event or with the next one, as it asks") { bus, _ in
            try await bus.publish([.numbered(1)])
            let late = try await bus.join("late", .latest)
            let early = try await bus.join("early", .earliest)
            try await bus.publish([.numbered(2)])
            try demand(
                try await late.receive(exactly: 1).map(\.event.sequence) == [2],
                "late did not begin with the next"
            )
            try demand(try await early.receive(exactly: 2).map(\.event.sequence) == [1, 2], "early missed the oldest")
        },
        Check("lets a known group go on where it was, whatever start it asks for") { bus, _ in
            let first = try await bus.join("g", .latest)
            await first.leave()
            try await bus.publish([.numbered(1)])
            let second = try await bus.join("g", .latest).receive(exactly: 1)
            try demand(second.map(\.event.sequence) == [1], "the group began anew")
        },
    ]

    static let figures: [Check] = [
        Check("says what was published and acknowledged; a repeated acknowledgement changes nothing") { bus, _ in
            try await bus.publish([.numbered(1), .numbered(2, of: "other"), .numbered(1, on: "words")])
            let member = try await bus.join("g")
            let deliveries = try await member.receive(exactly: 2)
            try demand(try await bus.figures(of: "g")?.lag == 2, "the lag is wrong before the acknowledgement")
            for _ in 1...2 { try await member.acknowledge([deliveries[0].id]) }
            let status = try await bus.status()
            try demand(status.map(\.topic) == ["things", "words"], "the topics are \(status.map(\.topic))")
            try demand(status.map(\.published) == [2, 1], "published is \(status.map(\.published))")
            let group = try await bus.figures(of: "g")
            try demand(
                group == TopicStatus.Group(name: "g", acknowledged: 1, lag: 1),
                "the group is \(String(describing: group))"
            )
        }
    ]

    /// Lets every member receive and acknowledge until `count` events have come; answers who got what.
    private static func drain(_ members: [any GroupMember], until count: Int) async throws -> [[Envelope]] {
        let taken = Taken(members.count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, member) in members.enumerated() {
                group.addTask {
                    while true {
                        let deliveries = try await member.receive(limit: 7)
                        try await member.acknowledge(deliveries.map(\.id))
                        if taken.add(deliveries.map(\.event), to: index) >= count { return }
                    }
                }
            }
            // The first that sees the end ends it for all.
            try await group.next()
            group.cancelAll()
        }
        return taken.all
    }
}

/// Who got what.
private final class Taken: Sendable {
    private let lists: Mutex<[[Envelope]]>

    init(_ members: Int) { lists = Mutex(Array(repeating: [], count: members)) }

    /// Answers how many there are in all.
    func add(_ events: [Envelope], to index: Int) -> Int {
        lists.withLock { lists in
            lists[index] += events
            return lists.reduce(0) { $0 + $1.count }
        }
    }

    var all: [[Envelope]] { lists.withLock { $0 } }
}
