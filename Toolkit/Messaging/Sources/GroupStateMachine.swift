package import MartletCore

/// One group on one topic: partition owners, in-flight deliveries, redeliveries and acknowledged offsets.
///
/// A value without clock, lock or task; offsets start at 1. Invariant: an offset is in exactly one state: at or below
/// the floor, done, in flight, awaiting redelivery, or not yet delivered.
package struct GroupStateMachine: Sendable {
    /// Redeliveries per partition: at this limit nothing new is delivered before some of them are done.
    package static let redeliveriesLimit = 10_000
    /// How many offsets of a partition, from the oldest that is not done, may be delivered before it is done.
    ///
    /// Done offsets above it must be stored: this bounds the cost of a delivery that is never acknowledged.
    package static let aheadLimit: Int64 = 1_000_000

    package struct Dispatch: Sendable, Hashable {
        package let id: DeliveryID
        package let attempt: Int
    }

    private struct InFlight {
        let member: Int
        let attempt: Int
        let since: Moment
    }

    private struct Redelivery {
        let due: Moment
        let attempt: Int
    }

    private struct Partition {
        /// Everything at or below is done.
        var floor: Int64
        /// Done, above the floor: one range per gap, however many offsets are done.
        var done: RangeSet<Int64>
        /// The first offset that was never delivered.
        var next: Int64
        var head: Int64
        var owner: Int?
        var inFlight: [Int64: InFlight] = [:]
        var redeliveries: [Int64: Redelivery] = [:]

        var doneCount: Int { done.ranges.reduce(0) { $0 + $1.count } }

        /// The next offset that was never delivered and is not done; `nil` when there is none, or a limit is reached.
        mutating func takeNext() -> Int64? {
            if done.contains(next), let done = done.ranges.first(where: { $0.contains(next) }) {
                next = done.upperBound
            }
            guard next <= head, next - floor <= GroupStateMachine.aheadLimit,
                redeliveries.count < GroupStateMachine.redeliveriesLimit
            else { return nil }
            next += 1
            return next - 1
        }

        /// False when it was done before, or never delivered.
        mutating func finish(_ offset: Int64) -> Bool {
            guard offset > floor, offset < next, !done.contains(offset) else { return false }
            inFlight[offset] = nil
            redeliveries[offset] = nil
            done.insert(contentsOf: offset..<offset + 1)
            return true
        }

        /// Forgets what is done or in flight above `floor`.
        mutating func rewind(to floor: Int64) {
            self.floor = floor
            done = RangeSet()
            next = floor + 1
            head = max(head, floor)
            inFlight = [:]
            redeliveries = [:]
        }

        mutating func raiseFloor() {
            guard let first = done.ranges.first, first.lowerBound == floor + 1 else { return }
            done.remove(contentsOf: first)
            floor = first.upperBound - 1
            next = max(next, floor + 1)
        }
    }

    private var partitions: [Partition]
    /// In joining order.
    private var members: [Int] = []
    /// The partition at which the next poll starts, so that no partition starves.
    private var nextPartition = 0

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

    /// Its in-flight deliveries are due for redelivery at `now`.
    ///
    /// A repeat does nothing.
    package mutating func leave(_ member: Int, at now: Moment) {
        guard let index = members.firstIndex(of: member) else { return }
        members.remove(at: index)
        for index in partitions.indices {
            for (offset, delivery) in partitions[index].inFlight where delivery.member == member {
                partitions[index].inFlight[offset] = nil
                partitions[index].redeliveries[offset] = Redelivery(due: now, attempt: delivery.attempt)
            }
        }
        rebalance()
    }

    package func contains(_ member: Int) -> Bool { members.contains(member) }

    package var membersCount: Int { members.count }

    /// Counts everything up to `offset` as done: it does not exist any more.
    package mutating func skip(_ partition: Int, through offset: Int64) {
        guard partitions.indices.contains(partition), offset > partitions[partition].floor else { return }
        let floor = partitions[partition].floor
        partitions[partition].inFlight = partitions[partition].inFlight.filter { $0.key > offset }
        partitions[partition].redeliveries = partitions[partition].redeliveries.filter { $0.key > offset }
        partitions[partition].done.insert(contentsOf: floor + 1..<offset + 1)
        partitions[partition].raiseFloor()
        rebalance()
    }

    /// Since when the oldest delivery is in flight; `nil` when none is.
    package var oldestInFlight: Moment? {
        var oldest: Moment?
        // By index: a loop over partitions copies each of them.
        for index in partitions.indices {
            for delivery in partitions[index].inFlight.values { oldest = min(oldest ?? delivery.since, delivery.since) }
        }
        return oldest
    }

    /// Members with a delivery in flight for `timeout`, in joining order: they are presumed dead.
    package func expired(after timeout: Duration, at now: Moment) -> [Int] {
        guard let oldestInFlight, oldestInFlight + timeout <= now else { return [] }
        var expired: Set<Int> = []
        for partition in partitions {
            for delivery in partition.inFlight.values where delivery.since + timeout <= now {
                expired.insert(delivery.member)
            }
        }
        return members.filter { expired.contains($0) }
    }

    // MARK: Deliveries

    package mutating func published(_ partition: Int, head: Int64) {
        partitions[partition].head = max(partitions[partition].head, head)
    }

    /// Delivers at most `limit` offsets to a member with at most `window` in flight, in order per partition.
    package mutating func poll(for member: Int, limit: Int, window: Int, at now: Moment) -> [Dispatch] {
        let inFlight = partitions.indices.reduce(0) { count, index in
            count + partitions[index].inFlight.values.count { $0.member == member }
        }
        var capacity = min(limit, window - inFlight)
        var dispatches: [Dispatch] = []
        for step in partitions.indices {
            let index = (nextPartition + step) % partitions.count
            guard capacity > 0 else { break }
            // One that another member is to have waits until its deliveries are done: bounded, also with a backlog.
            guard partitions[index].owner == member, wantedOwner(of: index) == member else { continue }
            let polled = poll(index, for: member, limit: capacity, at: now)
            capacity -= polled.count
            dispatches += polled
            if capacity == 0 { nextPartition = (index + 1) % partitions.count }
        }
        return dispatches
    }

    private mutating func poll(_ index: Int, for member: Int, limit: Int, at now: Moment) -> [Dispatch] {
        var dispatches: [Dispatch] = []
        func dispatch(_ offset: Int64, _ attempt: Int) {
            partitions[index].inFlight[offset] = InFlight(member: member, attempt: attempt, since: now)
            dispatches.append(Dispatch(id: DeliveryID(partition: index, offset: offset), attempt: attempt))
        }
        let due = partitions[index].redeliveries.filter { $0.value.due <= now }.keys.sorted().prefix(limit)
        for offset in due {
            let attempt = partitions[index].redeliveries.removeValue(forKey: offset)?.attempt ?? 0
            dispatch(offset, attempt + 1)
        }
        while dispatches.count < limit, let offset = partitions[index].takeNext() {
            dispatch(offset, 1)
        }
        return dispatches
    }

    /// Marks deliveries as done; returns those that were not done before.
    ///
    /// A repeat does nothing; offsets that were never delivered are ignored.
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

    /// The member's in-flight deliveries among these are due for redelivery at `due`; others are ignored.
    package mutating func redeliver(_ deliveries: [DeliveryID], from member: Int, due: Moment) {
        for id in deliveries {
            guard partitions.indices.contains(id.partition),
                let delivery = partitions[id.partition].inFlight[id.offset], delivery.member == member
            else { continue }
            partitions[id.partition].inFlight[id.offset] = nil
            partitions[id.partition].redeliveries[id.offset] = Redelivery(due: due, attempt: delivery.attempt)
        }
        rebalance()
    }

    /// When a waiting member has to poll again although nothing new is published: when a redelivery is due to it, or a
    /// delivery has been in flight for `timeout`; `nil` when neither will happen.
    package func nextPoll(for member: Int, timeout: Duration, after now: Moment) -> Moment? {
        let own = partitions.indices.filter { partitions[$0].owner == member }
        let due = own.compactMap { partitions[$0].redeliveries.values.map(\.due).min() }.min()
        // A redelivery that is already due waits for the window, which an acknowledgement opens.
        return [due.flatMap { $0 > now ? $0 : nil }, oldestInFlight.map { $0 + timeout }].compactMap(\.self).min()
    }

    /// Goes back to the given floors: everything above is delivered again, in order, as if for the first time.
    ///
    /// Acknowledgements of earlier deliveries count only for offsets that have been delivered again.
    package mutating func rewind(to floors: [Int64]) {
        for (index, floor) in floors.enumerated() { partitions[index].rewind(to: floor) }
        rebalance()
    }

    // MARK: Status

    package var published: Int64 { partitions.reduce(0) { $0 + $1.head } }

    package var acknowledged: Int64 { partitions.reduce(0) { $0 + $1.floor + Int64($1.doneCount) } }

    package var floors: [Int64] { partitions.indices.map { partitions[$0].floor } }

    /// The done offsets above the floor, in order.
    package func done(in partition: Int) -> [Range<Int64>] { Array(partitions[partition].done.ranges) }

    /// Assigns the partitions to the members round-robin.
    ///
    /// A partition changes its owner only when none of it is in flight, which keeps its order where possible. Until
    /// then nothing of it is delivered.
    private mutating func rebalance() {
        for index in partitions.indices {
            guard let wanted = wantedOwner(of: index) else {
                partitions[index].owner = nil
                continue
            }
            let owner = partitions[index].owner
            guard owner != wanted else { continue }
            let isMember = owner.map { members.contains($0) } ?? false
            if !isMember || partitions[index].inFlight.isEmpty { partitions[index].owner = wanted }
        }
    }

    private func wantedOwner(of partition: Int) -> Int? {
        members.isEmpty ? nil : members[partition % members.count]
    }
}
