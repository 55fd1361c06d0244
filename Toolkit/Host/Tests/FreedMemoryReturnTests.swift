import Testing

@testable import MartletHost

@Suite("Return of freed memory")
struct FreedMemoryReturnTests {
    @Test(
        "follows a large peak once half of it is released",
        arguments: [(0, 0, false), (31, 0, false), (32, 17, false), (32, 16, true), (256, 0, true)]
    )
    func due(peak: Int, held: Int, isDue: Bool) {
        #expect(FreedMemoryReturn.isDue(peak: peak << 20, held: held << 20) == isDue)
    }
}
