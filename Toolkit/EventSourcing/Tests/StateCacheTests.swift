import Testing

@testable import MartletEventSourcing

@Suite("State cache")
struct StateCacheTests {
    /// A state that takes `bytes` of a cache.
    private func box(_ id: String, bytes: Int, version: Int = 1) -> Loaded<Box> {
        let events = bytes - StateCache.entryBytes
        return Loaded(id: id, state: Box(id: id), version: version, at: nil, bytes: events)
    }

    @Test("returns the state that was put last, of its type and with the same bytes in its name")
    func last() {
        let cache = StateCache(bytesMax: 10_000)
        cache.put(box("K", bytes: 300))
        cache.put(box("K", bytes: 300, version: 2))
        #expect(cache.state(Box.self, of: "K")?.version == 2)
        #expect(cache.count == 1)
        #expect(cache.state(Box.self, of: "\u{212A}") == nil)
        #expect(cache.state(Note.self, of: "K") == nil)
    }

    @Test("limit of bytes: keeps what fits, and never more")
    func limit() {
        let cache = StateCache(bytesMax: 4_000)
        for number in 0..<4 { cache.put(box("\(number)", bytes: 1_000)) }
        #expect(cache.count == 4)
        for number in 4..<100 {
            cache.put(box("\(number)", bytes: 1_000))
            #expect(cache.count <= 4)
        }
        #expect(cache.state(Box.self, of: "99") != nil)
    }

    @Test("a state of half of all bytes is kept, one of a byte more is not, and its stream has none then")
    func half() {
        let cache = StateCache(bytesMax: 4_000)
        cache.put(box("a", bytes: 2_000))
        #expect(cache.state(Box.self, of: "a") != nil)
        cache.put(box("a", bytes: 2_001))
        #expect(cache.state(Box.self, of: "a") == nil)
        #expect(cache.count == 0)
    }

    @Test("a state in use stays, those that are not used leave")
    func use() {
        let cache = StateCache(bytesMax: 4_000)
        for number in 0..<100 {
            cache.put(box("\(number)", bytes: 1_000))
            #expect(cache.state(Box.self, of: "0") != nil)
        }
        #expect(cache.state(Box.self, of: "1") == nil)
    }

    @Test("small states are limited too")
    func small() {
        let cache = StateCache(bytesMax: 100 * StateCache.entryBytes)
        for number in 0..<1_000 { cache.put(box("\(number)", bytes: StateCache.entryBytes)) }
        #expect(cache.count <= 100)
        #expect(cache.state(Box.self, of: "999") != nil)
    }
}
