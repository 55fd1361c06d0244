import Testing

@testable import MartletMessaging

@Suite("Partitioning")
struct PartitioningTests {
    @Test("the partition of a key is stable", arguments: [("", 1), ("a", 0), ("link-1", 2)])
    func stable(key: String, partition: Int) {
        #expect(Partitioning.partition(of: key, among: 8) == partition)
    }

    @Test("uses every partition")
    func spread() {
        let used = Set((1...100).map { Partitioning.partition(of: "key-\($0)", among: 8) })
        #expect(used.count == 8)
    }
}
