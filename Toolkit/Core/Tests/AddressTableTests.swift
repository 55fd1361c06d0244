import Testing

@testable import MartletCore

@Suite("Connections by address")
struct AddressTableTests {
    private let first: IPAddress
    private let second: IPAddress
    private var table = AddressTable()

    init() throws {
        first = try #require(IPAddress("192.0.2.1"))
        second = try #require(IPAddress("192.0.2.2"))
    }

    @Test("an address has few when, with one more, it has at most half as many as another, or its first one")
    mutating func few() {
        for _ in 0..<3 { _ = table.add(first) }
        let before = table.hasFew(second)
        _ = table.add(second)
        let atThree = table.hasFew(second)
        _ = table.add(first)
        #expect([before, atThree, table.hasFew(second)] == [true, false, true])
        #expect(!table.hasFew(first))
        #expect(table.hasFew(nil))
    }

    @Test("the most connections of an address follow those that open and close")
    mutating func most() {
        var seen: [Int] = []
        for address in [first, first, second, second] {
            _ = table.add(address)
            seen.append(table.most)
        }
        var last: [Bool] = []
        for address in [first, second, second, first] {
            last.append(table.remove(address))
            seen.append(table.most)
        }
        #expect(seen == [1, 2, 2, 2, 2, 1, 1, 0])
        #expect(last == [false, false, true, true])
        #expect(table[first] == 0)
        _ = table.add(second)
        #expect(table.most == 1)
    }

    @Test("all connections of an address hold bytes together")
    mutating func bytes() {
        let held = [table.add(first), table.add(first), table.add(second)]
        #expect(held[0] === held[1])
        #expect(held[0] !== held[2])
    }
}
