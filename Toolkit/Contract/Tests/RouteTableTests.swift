import MartletContract
import MartletCore
import Testing

@Suite("Route table")
struct RouteTableTests {
    let table: RouteTable<String>

    init() throws {
        var table = RouteTable<String>()
        for (verb, path) in [
            (HTTPRule.Verb.get, "/v1/parcels"), (.post, "/v1/parcels"), (.post, "/v1/parcels:agreed"),
            (.get, "/v1/parcels/{parcel_id}"), (.post, "/v1/parcels/{parcel_id}:cancel"),
            (.get, "/v1/parcels/mine"), (.put, "/v1/parcels/{parcel_id}/returns/{return_id}"),
            (.get, "/v1/{name=shelves/*/rows/*}/cups"),
        ] {
            try table.add(HTTPRule(verb, path, body: ""), "\(verb.rawValue) \(path)")
        }
        self.table = table
    }

    static let paths: [(String, String, String, [PathVariable])] = [
        ("GET", "/v1/parcels", "GET /v1/parcels", []),
        ("POST", "/v1/parcels:agreed", "POST /v1/parcels:agreed", []),
        ("GET", "/v1/parcels/o-1", "GET /v1/parcels/{parcel_id}", [PathVariable(name: "parcel_id", value: "o-1")]),
        ("GET", "/v1/parcels/mine", "GET /v1/parcels/mine", []),
        (
            "GET", "/v1/parcels/a%2Fb%20c", "GET /v1/parcels/{parcel_id}",
            [PathVariable(name: "parcel_id", value: "a/b c")]
        ),
        (
            "GET", "/v1/parcels/\u{338}a", "GET /v1/parcels/{parcel_id}",
            // A slash separates, also where Unicode makes one character of it and what follows.
            [PathVariable(name: "parcel_id", value: "\u{338}a")]
        ),
        ("GET", "/v1/parcels/a:b", "GET /v1/parcels/{parcel_id}", [PathVariable(name: "parcel_id", value: "a:b")]),
        (
            "POST", "/v1/parcels/a:b:cancel", "POST /v1/parcels/{parcel_id}:cancel",
            [PathVariable(name: "parcel_id", value: "a:b")]
        ),
        (
            "PUT", "/v1/parcels/o/returns/r", "PUT /v1/parcels/{parcel_id}/returns/{return_id}",
            [PathVariable(name: "parcel_id", value: "o"), PathVariable(name: "return_id", value: "r")]
        ),
        (
            "GET", "/v1/shelves/a/rows/b/cups", "GET /v1/{name=shelves/*/rows/*}/cups",
            [PathVariable(name: "name", value: "shelves/a/rows/b")]
        ),
    ]

    @Test("finds the method and its variables", arguments: paths)
    func finds(verb: String, path: String, target: String, variables: [PathVariable]) throws {
        guard case .found(let found, _, let values) = try table.find(verb, path) else {
            Issue.record("no route for \(verb) \(path)")
            return
        }
        #expect(found == target)
        #expect(values == variables)
    }

    @Test(
        "unknown paths have no route",
        arguments: [
            "/", "", "v1/parcels", "/v1", "/v1/parcels/", "/v1//parcels", "/v1/parcels/o/x", "/v1/parcels/o/returns/",
        ]
    )
    func unknown(_ path: String) throws {
        guard case .unknownPath = try table.find("GET", path) else {
            Issue.record("unexpected route for \(path)")
            return
        }
    }

    @Test("a custom verb has its own verbs, not those of a name with a colon", arguments: ["GET", "PUT", "OPTIONS"])
    func customVerb(_ verb: String) throws {
        guard case .otherVerbs(let verbs) = try table.find(verb, "/v1/parcels/o-1:cancel") else {
            Issue.record("a route for \(verb)")
            return
        }
        #expect(verbs == [.post])
    }

    @Test("a name that ends like a custom verb has its colon encoded")
    func encodedColon() throws {
        guard case .found(let found, _, let values) = try table.find("GET", "/v1/parcels/o-1%3Acancel") else {
            Issue.record("no route")
            return
        }
        #expect(found == "GET /v1/parcels/{parcel_id}")
        #expect(values == [PathVariable(name: "parcel_id", value: "o-1:cancel")])
    }

    @Test("another verb: reports the verbs of the path")
    func otherVerbs() throws {
        guard case .otherVerbs(let verbs) = try table.find("DELETE", "/v1/parcels") else {
            Issue.record("no other verbs")
            return
        }
        #expect(verbs == [.get, .post])
    }

    @Test("refuses a variable with invalid encoding by name", arguments: ["/v1/parcels/%zz", "/v1/parcels/%ff"])
    func encoding(_ path: String) {
        let fault = #expect(throws: Fault.self) { try table.find("GET", path) }
        #expect(fault?.violations.first?.field == "parcel_id")
    }

    @Test("refuses two methods with one verb and path, even with different variable names")
    func twice() {
        var table = table
        #expect(throws: Fault.self) { try table.add(HTTPRule(.get, "/v1/parcels/{other}", body: ""), "again") }
    }

    @Test("refuses invalid templates", arguments: ["v1", "/v1/{a", "/v1//b", "/v1/{}", "/v1/{a}b", "/v1/a*", "/v1/"])
    func templates(_ text: String) {
        #expect(throws: Fault.self) { try PathTemplate(text) }
    }

    @Test("a path over the segments limit has no route")
    func limit() throws {
        let path = String(repeating: "/a", count: RouteTable<String>.segmentsLimit + 1)
        guard case .unknownPath = try table.find("GET", path) else {
            Issue.record("unexpected route for a long path")
            return
        }
    }
}
