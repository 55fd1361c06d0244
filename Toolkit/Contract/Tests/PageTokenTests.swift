import MartletCore
import SwiftProtobuf
import Testing

@testable import MartletContract

/// A list of the tests, without a generated contract of its own.
private struct ListRequest: PagedRequest {
    static let protoMessageName = "martlet.test.ListRequest"
    static let shape = MessageShape("martlet.test.ListRequest", [])

    var filter = ""
    var pageSize: UInt32 = 0
    var pageToken = ""
    var unknownFields = UnknownStorage()

    init() {}

    init(filter: String, pageSize: UInt32 = 0, pageToken: String = "") {
        self.filter = filter
        self.pageSize = pageSize
        self.pageToken = pageToken
    }

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {}

    func traverse<V: Visitor>(visitor: inout V) throws {
        if !filter.isEmpty { try visitor.visitSingularStringField(value: filter, fieldNumber: 1) }
        if pageSize != 0 { try visitor.visitSingularUInt32Field(value: pageSize, fieldNumber: 2) }
        if !pageToken.isEmpty { try visitor.visitSingularStringField(value: pageToken, fieldNumber: 3) }
    }

    func check(_ violations: inout [FieldViolation], at path: String) {}
    func write(to json: inout JSONWriter) {}
    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { false }
}

@Suite("Page of a list")
struct PageTokenTests {
    private func next(_ rows: [[String]], of filter: String, size: Int = 1) throws -> String {
        try ListPage(ListRequest(filter: filter), size: size, keys: rows[0].count).cut(rows) { $0 }.next
    }

    @Test("a token continues its list, also with another page size")
    func continues() throws {
        let token = try next([["a.b", "\u{212A}"], ["c", ""]], of: "f")
        let page = try ListPage(ListRequest(filter: "f", pageSize: 7, pageToken: token), size: 1, keys: 2)
        #expect(page.size == 7)
        #expect(page.after[0] == "a.b")
        #expect(ExactText(page.after[1]) == "\u{212A}")
    }

    @Test("the last page has no token; the first has no position")
    func ends() throws {
        #expect(try next([["1"]], of: "f") == "")
        #expect(try ListPage(ListRequest(filter: "f"), size: 1, keys: 1).number(0) == nil)
    }

    @Test("a token of another list, of another filter, and one that no list gave are refused by name")
    func foreign() throws {
        let own = try next([["5"], ["6"]], of: "f")
        #expect(try ListPage(ListRequest(filter: "f", pageToken: own), size: 1, keys: 1).number(0) == 5)
        let other = try next([["5"], ["6"]], of: "g")
        let letters = try next([["abc"], ["d"]], of: "f")
        let many = try next([["999999999999999999999999999999"], ["d"]], of: "f")
        for token in [other, letters, many, "616263", "39", own + ".35", String(own.dropLast(2)), "x" + own, own + "g"]
        {
            let fault = #expect(throws: Fault.self, "\(token)") {
                try ListPage(ListRequest(filter: "f", pageToken: token), size: 1, keys: 1).number(0)
            }
            #expect(fault?.code == .invalidArgument)
            #expect(fault?.violations.map(\.field) == ["page_token"])
        }
    }
}
