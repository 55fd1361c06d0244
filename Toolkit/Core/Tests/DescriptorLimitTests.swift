import Testing

@testable import MartletCore

@Suite("Limit of descriptors")
struct DescriptorLimitTests {
    @Test("is raised to the hard limit, within bounds, and never lowered")
    func raised() {
        let bound = DescriptorLimit.raisedMax
        #expect(DescriptorLimit.raised(soft: 1_024, hard: 4_096) == 4_096)
        #expect(DescriptorLimit.raised(soft: 1_024, hard: .max) == bound)
        #expect(DescriptorLimit.raised(soft: bound + 1, hard: .max) == bound + 1)
        #expect(DescriptorLimit.raised(soft: 256, hard: 256) == 256)
    }

    @Test("a repeat changes nothing")
    func repeated() {
        let first = DescriptorLimit.raise()
        #expect(DescriptorLimit.raise() == first)
        #expect(DescriptorLimit.current == first)
    }
}
