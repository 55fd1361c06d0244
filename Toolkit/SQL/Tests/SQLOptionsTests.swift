import MartletCore
import MartletSQL
import Testing

@Suite("Options of a transaction")
struct SQLOptionsTests {
    @Test("named locks are sorted by their bytes, and each is taken once")
    func locks() {
        let options = SQLOptions(locks: ["b", "é", "a", "B", "b", "e\u{301}"])
        #expect(options.locks == ["B", "a", "b", "e\u{301}", "é"])
        #expect(SQLBegin(options, isReadOnly: false).locks == options.locks)
    }

    @Test("up to the limit of names all are taken, beyond it none")
    func limit() {
        let names = (0...SQLOptions.locksLimit).map { ExactText("n\($0)") }
        #expect(SQLOptions(locks: names.dropLast()).locks.count == SQLOptions.locksLimit)
        #expect(SQLOptions(locks: names).locks.isEmpty)
        #expect(SQLOptions(locks: names.dropLast() + names.dropLast()).locks.count == SQLOptions.locksLimit)
    }
}
