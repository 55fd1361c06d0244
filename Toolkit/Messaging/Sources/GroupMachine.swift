package import MartletCore

/// One group on one topic: who owns which partition, what is out, what came back, what is done.
///
/// A value without clock, lock or task; offsets begin at 1. Invariant: an offset is in exactly one place: at or below the
/// floor, done, out, returned, or not yet delivered.
package struct GroupMachine: Sendable {
    /// Deliveries that came back, per partition: beyond that nothing new is handed out before they are done.
    package static let returnedLimit = 10_000
    /// How many offsets of a partition, from the oldest that is not done, may be handed out before it is.
    ///
    /// What is done behind it cannot be forgotten: this bounds what a delivery costs that never gets done.
    package static let aheadLimit: Int64 = 1_000_000

    package struct Handout: Sendable, Hashable {
        package let id: DeliveryID
        package let attempt: Int
    }

    private struct Flight {
        let member: Int
        let attempt: Int
        let since: Moment
    }

    private struct Returned {
        let due: Moment
        let attempt: Int
    }

    private struct Partition {
        /// Everything at or below is done.
        var floor: Int64
        /// Done, above the floor: as many ranges as there are gaps, however much is done.
        var done: RangeSet<Int64>
        /// The first offset that was never handed out.
        var next: Int64
        var head: Int64
        var owner: Int?
        var out: [Int64: Flight] = [:]
        var returned: [Int64: Returned] = [:]

        var doneCount: Int { done.ranges.reduce(0) { $0 + $1.count } }

        /// The next offset that was never handed out and is not done; `nil` when there is none, or a limit is reached.
        mutating func takeNext() -> Int64? {
            if done.contains(next), let done = done.ranges.first(where: { $0.contains(next) }) {
                next = done.upperBound
            }
            guard next <= head, next - floor <= GroupMachine.aheadLimit, returned.count < GroupMachine.returnedLimit
            else { return nil }
            next += 1
            return next - 1
        }

        /// False when it was done before, or never handed out.
        mutating func finish(_ offset: Int64) -> Bool {
            guard offset > floor, offset < next, !done.contains(offset) else { return false }
            out[offset] = nil
            returned[offset] = nil
            done.insert(contentsOf: offset..<offset + 1)
            return true
        }

        mutating func raiseFloor() {
            guard let first = done.ranges.first, first.lowerBound == floor + 1 else { return }
            done.remove(contentsOf: first)
            floor = first.upperBound - 1
            next = max(next, floor + 1)
        }
    }

    private var partitions: [Partition]
    /// In the order in which they joined.
    private var members: [Int] = []
    /// Where the next handout begins, so that no partition starves.
    private var turn = 0

    /// - Parameter positions: Per partition: all done up to `floor`, further ones in `done`, published up to `head`.
    package init(_ positions: [(floor: Int64, done: RangeSet<Int64>, head: Int64)]) {
        partitions = positions.map { Partition(floor: $0.floor, done: $0.done, next: $0.floor + 1, head: $0.head) }
    }

    // MARK: Members

    package mutating func join(_ member: Int) {
        guard !members.contains(member) else { return }
        members.append(member)
        rebalance()
    }

    /// What the member held is due at `now` for the others.
    ///
    /// A repeat does nothing.
    package mutating func leave(_ member: Int, at now: Moment) {
        guard let index = members.firstIndex(of: member) else { return }
        members.remove(at: index)
        for index in partitions.indices {
            for (offset, flight) in partitions[index].out where flight.member == member {
                partitions[index].out[offset] = nil
                partitions[index].returned[offset] = Returned(due: now, attempt: flight.attempt)
            }
        }
        rebalance()
    }

    package func holds(_ member: Int) -> Bool { members.contains(member) }

    /// Since when the oldest delivery is out; `nil` when none is.
    package var heldSince: Moment? { partitions.compactMap { $0.out.values.map(\.since).min() }.min() }

    /// Members that have held a delivery for `holding`, in joining order: they are thought dead.
    package func late(after holding: Duration, at now: Moment) -> [Int] {
        var late: Set<Int> = []
        for partition in partitions {
            for flight in partition.out.values where flight.since + holding <= now { late.insert(flight.member) }
        }
        return members.filter { late.contains($0) }
    }

    // MARK: Deliveries

    package mutating func published(_ partition: Int, head: Int64) {
        partitions[partition].head = max(partitions[partition].head, head)
    }

    /// Hands out at most `limit` offsets to a member that has at most `window` out, in order per partition.
    package mutating func take(for member: Int, limit: Int, window: Int, at now: Moment) -> [Handout] {
        let out = partitions.reduce(0) { $0 + $1.out.values.count { $0.member == member } }
        var room = min(limit, window - out)
        var handouts: [Handout] = []
        for step in partitions.indices {
            let index = (turn + step) % partitions.count
            guard room > 0 else { break }
            guard partitions[index].owner == member else { continue }
            let taken = take(from: index, for: member, limit: room, at: now)
            room -= taken.count
            handouts += taken
            if room == 0 { turn = (index + 1) % partitions.count }
        }
        return handouts
    }

    private mutating func take(from index: Int, for member: Int, limit: Int, at now: Moment) -> [Handout] {
        var handouts: [Handout] = []
        func hand(_ offset: Int64, _ attempt: Int) {
            partitions[index].out[offset] = Flight(member: member, attempt: attempt, since: now)
            handouts.append(Handout(id: DeliveryID(partition: index, offset: offset), attempt: attempt))
        }
        let due = partitions[index].returned.filter { $0.value.due <= now }.keys.sorted().prefix(limit)
        for offset in due {
            let attempt = partitions[index].returned.removeValue(forKey: offset)?.attempt ?? 0
            hand(offset, attempt + 1)
        }
        while handouts.count < limit, let offset = partitions[index].takeNext() {
            hand(offset, 1)
        }
        return handouts
    }

    /// Counts what was not done before.
    ///
    /// A repeat does nothing; offsets that were never handed out are ignored.
    package mutating func acknowledge(_ deliveries: [DeliveryID]) -> [DeliveryID] {
        var fresh: [DeliveryID] = []
        for id in deliveries {
            guard partitions.indices.contains(id.partition), partitions[id.partition].finish(id.offset) else {
                continue
            }
            fresh.append(id)
        }
        for index in Set(fresh.map(\.partition)).sorted() { partitions[index].raiseFloor() }
        rebalance()
        return fresh
    }

    /// What the member holds of these is due again at `due`; others are ignored.
    package mutating func giveBack(_ deliveries: [DeliveryID], from member: Int, due: Moment) {
        for id in deliveries {
            guard partitions.indices.contains(id.partition),
                let flight = partitions[id.partition].out[id.offset], flight.member == member
            else { continue }
            partitions[id.partition].out[id.offset] = nil
            partitions[id.partition].returned[id.offset] = Returned(due: due, attempt: flight.attempt)
        }
        rebalance()
    }

    /// When a member that waits has to look again although nothing new is published: when something comes back to it, or
    /// somebody has held a delivery for `holding`; `nil` when neither will happen.
    package func nextLook(for member: Int, holding: Duration, after now: Moment) -> Moment? {
        let due = partitions.filter { $0.owner == member }.compactMap { $0.returned.values.map(\.due).min() }.min()
        // What is due already waits for the window, which an acknowledgement opens.
        return [due.flatMap { $0 > now ? $0 : nil }, heldSince.map { $0 + holding }].compactMap(\.self).min()
    }

    // MARK: Figures

    package var published: Int64 { partitions.reduce(0) { $0 + $1.head } }

    package var acknowledged: Int64 { partitions.reduce(0) { $0 + $1.floor + Int64($1.doneCount) } }

    package var floors: [Int64] { partitions.map(\.floor) }

    /// What is done above the floor, in order.
    package func done(in partition: Int) -> [Range<Int64>] { Array(partitions[partition].done.ranges) }

    /// Partitions are shared out in turn.
    ///
    /// One changes hands only when nothing of it is out, so that order holds where it can.
    private mutating func rebalance() {
        for index in partitions.indices {
            guard !members.isEmpty else {
                partitions[index].owner = nil
                continue
            }
            let wanted = members[index % members.count]
            let owner = partitions[index].owner
            guard owner != wanted else { continue }
            let alive = owner.map { members.contains($0) } ?? false
            if !alive || partitions[index].out.isEmpty { partitions[index].owner = wanted }
        }
    }
}
