import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@Suite("Search for a stored text")
struct StoredTextSearchTests {
    @Test("finds it in texts and bytes of any column, by its bytes")
    func finds() async throws {
        let database = try SQLiteDatabase.inMemory(time: ManualTime())
        let bytes: [UInt8] = [0, 0xff] + Array("the needle".utf8)
        let found = try await database.transaction { tx in
            try tx.run("CREATE TABLE a (n BIGINT, t TEXT)")
            try tx.run("CREATE TABLE b (n BIGINT, \"two words\" TEXT)")
            try tx.run("CREATE TABLE c (n BIGINT, bytes BLOB)")
            try tx.run("INSERT INTO a (n, t) VALUES (1, 'THE NEEDLE'), (2, NULL)")
            try tx.run("INSERT INTO b VALUES (1, 'hay'), (2, 'hay, the needle, and hay')")
            try tx.run("INSERT INTO c (n, bytes) VALUES (1, x'00'), (2, \(bytes))")
            return try StoredTextSearch.tables(containing: "the needle", in: tx)
        }
        #expect(found == ["b", "c"])
    }
}
