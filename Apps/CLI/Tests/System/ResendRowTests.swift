import Foundation
import MartletHost
import Testing

@testable import CLI

@Suite("Listed resend")
struct ResendRowTests {
    private func row(since: Int64) -> ResendRow {
        var record = ResendRecord()
        record.since = since
        return ResendRow(record, of: "links")
    }

    @Test("one of everything, as after a restore, shows all instead of the year 1970")
    func everything() {
        #expect(row(since: 0).shownSince == "all")
        #expect(row(since: 1).shownSince == row(since: 1).since)
    }

    @Test("its JSON has the keys that it had, with a time in each case")
    func json() throws {
        let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(row(since: 0)))
        let fields = try #require(object as? [String: Any])
        #expect(
            Set(fields.keys)
                == ["service", "number", "since", "rate", "state", "events", "startedAt", "changedAt"]
        )
        #expect((fields["since"] as? String)?.hasPrefix("1970-01-01") == true)
    }
}
