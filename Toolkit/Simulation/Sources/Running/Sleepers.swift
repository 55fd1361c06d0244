import MartletCore

/// The sleeping tasks with their deadlines, and the two clocks.
struct Sleepers {
    typealias Continuation = CheckedContinuation<Void, any Error>
    enum Outcome { case waits, due, cancelled }

    private struct Entry: Comparable {
        let moment: Moment
        let id: Int

        static func < (left: Entry, right: Entry) -> Bool { (left.moment, left.id) < (right.moment, right.id) }
    }

    private(set) var now: Moment
    private(set) var date: Timestamp
    /// A binary heap, the earliest first; cancelled entries stay until they are popped or compacted.
    private var heap: [Entry] = []
    private var waiting: [Int: Continuation] = [:]
    /// Sleeps that have begun and are not in the heap yet.
    private var registered: Set<Int> = []
    private var lastID = 0

    init(now: Moment, date: Timestamp) {
        self.now = now
        self.date = date
    }

    var count: Int { waiting.count }

    mutating func register() -> Int {
        lastID += 1
        registered.insert(lastID)
        return lastID
    }

    mutating func add(_ id: Int, until moment: Moment, _ continuation: Continuation) -> Outcome {
        guard registered.remove(id) != nil else { return .cancelled }
        guard now < moment else { return .due }
        waiting[id] = continuation
        push(Entry(moment: moment, id: id))
        return .waits
    }

    mutating func cancel(_ id: Int) -> Continuation? {
        registered.remove(id)
        let continuation = waiting.removeValue(forKey: id)
        compact()
        return continuation
    }

    /// Advances to the earliest sleeper and removes all that are due then, in the order in which they began.
    mutating func advance() -> [Continuation] {
        var due: [Continuation] = []
        while let first = heap.first, due.isEmpty || first.moment <= now {
            pop()
            guard let continuation = waiting.removeValue(forKey: first.id) else { continue }
            if now < first.moment {
                date = date + (first.moment - now)
                now = first.moment
            }
            due.append(continuation)
        }
        return due
    }

    mutating func skip(by length: Duration) {
        date = date + length
        now = now + length
    }

    // MARK: Heap

    /// Most deadlines are cancelled long before they are due: without this the heap would grow.
    private mutating func compact() {
        guard heap.count > 2 * waiting.count + 64 else { return }
        // A sorted array is a heap.
        heap = heap.filter { waiting[$0.id] != nil }.sorted()
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
