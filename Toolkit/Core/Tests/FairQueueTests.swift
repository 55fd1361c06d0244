import Testing

@testable import MartletCore

@Suite("Fair queue")
struct FairQueueTests {
    var queue = FairQueue<Int>()

    @Test("callers take turns, each in its own order")
    mutating func turns() {
        for number in 1...4 { queue.append(number, of: "a") }
        queue.append(5, of: "b")
        queue.append(6, of: "b")
        #expect(queue.counts["a"] == 4)
        #expect(queue.removeAll() == [1, 5, 2, 6, 3, 4])
        #expect(queue.counts.total == 0)
    }

    @Test("a caller that may not go keeps its turn")
    mutating func held() {
        queue.append(1, of: "a")
        queue.append(2, of: "b")
        let second = queue.next { $0 == "b" }
        #expect(second?.element == 2)
        let none = queue.next { $0 == "b" }
        #expect(none == nil)
        queue.append(3, of: "b")
        #expect(queue.removeAll() == [1, 3])
    }

    @Test("an element that leaves is forgotten, with its caller's turn")
    mutating func left() {
        queue.append(1, of: "a")
        queue.append(2, of: "a")
        queue.append(3, of: "b")
        let second = queue.remove(of: "a") { $0 == 2 }
        let unknown = queue.remove(of: "b") { $0 == 2 }
        #expect(second == 2)
        #expect(unknown == nil)
        let first = queue.remove(of: "a") { $0 == 1 }
        #expect(first == 1)
        #expect(queue.removeAll() == [3])
    }
}
