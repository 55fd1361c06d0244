import MartletCore
import Testing

@Suite("Runtime of the operating system")
struct SystemRuntimeProcessTests {
    @Test("has the operating system's clocks and random numbers")
    func sources() {
        let runtime = Runtime.system
        #expect(runtime.time is SystemTime)
        #expect(runtime.entropy is SystemEntropy)
    }

    @Test("gives each random number out once, also to many tasks")
    func numbers() async {
        let numbers = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<8 { group.addTask { (0..<1_000).map { _ in SystemEntropy().next() } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(numbers).count == 8_000)
        // Each bit is about as often set as not: 4,000 times, with a deviation of 45.
        for bit in 0..<64 {
            let set = numbers.count { $0 >> UInt64(bit) & 1 == 1 }
            #expect(3_500...4_500 ~= set)
        }
    }

    @Test("makes identifiers that differ")
    func identifiers() {
        let identifiers = (0..<100).map { _ in Runtime.system.identifier() }
        #expect(Set(identifiers).count == 100)
    }
}
