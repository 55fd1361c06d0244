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

    @Test("makes identifiers that differ")
    func identifiers() {
        let identifiers = (0..<100).map { _ in Runtime.system.identifier() }
        #expect(Set(identifiers).count == 100)
    }
}
