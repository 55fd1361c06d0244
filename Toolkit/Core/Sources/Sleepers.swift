/// The sleeping tasks and the actions that are due at a moment, and two clocks that stand still until they are advanced.
///
/// The state behind the clocks of tests and of simulations, which wrap a lock around it and wake what it returns.
package struct Sleepers: Sendable {
    package typealias Continuation = CheckedContinuation<Void, any Error>
    package typealias Action = @Sendable (_ id: Int) -> Void
    package enum Outcome: Sendable { case waits, due, cancelled }

    /// What is due.
    package enum Due: Sendable {
        case sleeper(Continuation)
        case action(Action, id: Int)

        package func wake() {
            switch self {
            case .sleeper(let continuation): continuation.resume()
            case .action(let action, let id): action(id)
            }
        }
    }

    private struct Entry: Comparable {
        let moment: Moment
        let id: Int

        static func < (left: Entry, right: Entry) -> Bool { (left.moment, left.id) < (right.moment, right.id) }
    }

    package private(set) var now: Moment
    package private(set) var date: Timestamp
    /// A binary heap, the earliest first; cancelled entries stay until they are popped or compacted.
    private var heap: [Entry] = []
    private var waiting: [Int: Due] = [:]
    /// Sleeps that have begun and are not in the heap yet.
    private var registered: Set<Int> = []
    private var lastID = 0

    package init(now: Moment, date: Timestamp) {
        self.now = now
        self.date = date
    }

    /// How many tasks sleep, and how many actions are to come.
    package var count: Int { waiting.count }

    /// Begins a sleep, before its task suspends.
    package mutating func register() -> Int {
        lastID += 1
        registered.insert(lastID)
        return lastID
    }

    /// - Returns: Whether the sleep waits; otherwise the caller resumes the continuation.
    package mutating func add(_ id: Int, until moment: Moment, _ continuation: Continuation) -> Outcome {
        guard registered.remove(id) != nil else { return .cancelled }
        guard now < moment else { return .due }
        waiting[id] = .sleeper(continuation)
        push(Entry(moment: moment, id: id))
        return .waits
    }

    /// - Returns: The continuation to resume with a cancellation; `nil` when the sleep does not wait.
    package mutating func cancel(_ id: Int) -> Continuation? {
        registered.remove(id)
        guard case .sleeper(let continuation)? = waiting.removeValue(forKey: id) else { return nil }
        compact()
        return continuation
    }

    /// Adds an action that becomes due at `moment`, or with the next advance when that has passed.
    ///
    /// - Returns: Its id.
    package mutating func add(at moment: Moment, _ action: @escaping Action) -> Int {
        lastID += 1
        waiting[lastID] = .action(action, id: lastID)
        push(Entry(moment: max(moment, now), id: lastID))
        return lastID
    }

    /// Removes an action; a repeat does nothing, and so does the removal of one that was due.
    package mutating func remove(action id: Int) {
        waiting[id] = nil
        compact()
    }

    /// Advances to the earliest that waits and removes all that are due then, in the order of their moments and, for
    /// equal ones, in that in which they began; empty when nothing waits.
    package mutating func advance() -> [Due] {
        dropCancelled()
        guard let first = heap.first else { return [] }
        return advance(to: first.moment)
    }

    /// Advances to `moment`, or stays where the clocks are later, and removes all that are due then, in the same order.
    package mutating func advance(to moment: Moment) -> [Due] {
        if now < moment {
            date = date + (moment - now)
            now = moment
        }
        var due: [Due] = []
        while let first = heap.first, first.moment <= now {
            pop()
            if let waiter = waiting.removeValue(forKey: first.id) { due.append(waiter) }
        }
        return due
    }

    /// Advances both clocks and removes no sleeper.
    package mutating func skip(by length: Duration) {
        date = date + length
        now = now + length
    }

    /// Moves only the wall clock.
    package mutating func jumpDate(by offset: Duration) { date = date + offset }

    // MARK: Heap

    /// Most deadlines are cancelled long before they are due: without this the heap would grow.
    private mutating func compact() {
        guard heap.count > 2 * waiting.count + 64 else { return }
        // A sorted array is a heap.
        heap = heap.filter { waiting[$0.id] != nil }.sorted()
    }

    private mutating func dropCancelled() {
        while let first = heap.first, waiting[first.id] == nil { pop() }
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && heap[right] < heap[left] ? right : left
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(parent, child)
            parent = child
        }
    }
}
