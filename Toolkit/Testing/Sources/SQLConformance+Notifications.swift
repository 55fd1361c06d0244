package import MartletSQL

extension SQLConformance {
    private static let first = SQLChannel("conformance_1")
    private static let second = SQLChannel("conformance_2")

    /// The channels that the checks notify.
    package static let channels: Set<SQLChannel> = [first, second]

    static let notifications = [
        Check("a notification reaches each listener of its channel, after the commit") { database, time in
            try await database.makeTable()
            let listeners = [
                try await database.notifications(of: [first]), try await database.notifications(of: [first, second]),
            ]
            let other = try await database.notifications(of: [second])
            defer { for listener in listeners + [other] { listener.close() } }
            try await database.transaction { tx in
                tx.notify(first)
                try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                tx.notify(first)
            }
            for listener in listeners {
                let notified = try await listener.next(until: nil, time)
                try require(notified == [first], "\(notified)")
                try require(try await database.ids() == [1], "the listener does not see the commit")
            }
            try await database.transaction { tx in tx.notify(second) }
            // In the order of the commits: an earlier one would have come before.
            let notified = try await other.next(until: nil, time)
            try require(notified == [second], "\(notified)")
        },
        Check("a rollback notifies no one, nor does a body that throws beside others") { database, time in
            try await database.makeTable()
            let listener = try await database.notifications(of: [first, second])
            defer { listener.close() }
            _ = try await failure("the body") {
                try await database.transaction { tx in
                    tx.notify(first)
                    throw Rejected(number: 1)
                }
            }
            await withTaskGroup(of: Void.self) { group in
                for id in 0..<40 {
                    group.addTask {
                        _ = try? await database.transaction { tx in
                            tx.notify(id % 2 == 0 ? second : first)
                            if id % 2 != 0 { throw Rejected(number: id) }
                        }
                    }
                }
            }
            let notified = try await listener.next(until: nil, time)
            try require(notified == [second], "\(notified)")
        },
        Check("a notification that comes before the wait is kept, and several may come as one") { database, time in
            let listener = try await database.notifications(of: [first, second])
            defer { listener.close() }
            for channel in [first, second, first] {
                try await database.transaction { tx in tx.notify(channel) }
            }
            var notified: Set<SQLChannel> = []
            while notified != [first, second] { notified.formUnion(try await listener.next(until: nil, time)) }
        },
        Check("without a notification, the wait ends at its moment") { database, time in
            let listener = try await database.notifications(of: [first])
            defer { listener.close() }
            try await database.transaction { tx in tx.notify(second) }
            let notified = try await listener.next(until: time.now, time)
            try require(notified.isEmpty, "\(notified)")
        },
    ]
}
