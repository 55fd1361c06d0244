import MartletContract
import MartletCore
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("Request binding")
struct RequestBindingTests {
    let list = HTTPRule(.get, "/v1/parcels", body: "")
    let store = HTTPRule(.put, "/v1/parcels/{parcel_id}", body: "*")
    let create = HTTPRule(.post, "/v1/parcels", body: "parcel")
    let id = PathVariable(name: "parcel_id", value: "p\"1")

    private func bind(
        _ shape: MessageShape,
        rule: HTTPRule,
        variables: [PathVariable] = [],
        query: String = "",
        body: String = ""
    ) throws -> String {
        let bytes = try RequestBinding.json(
            of: shape,
            by: rule,
            variables: variables,
            query: query,
            body: Array(body.utf8)
        )
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("query: values by field type, nested fields with dots, repeated fields as lists")
    func query() throws {
        let query = "page.size=10&page.token=a%20b+c&size=SIZE_LARGE&labels=x&labels=y&fragile=false&least_worth=-3"
        let json = try bind(ListParcelsRequest.shape, rule: list, query: query)
        let request = try ListParcelsRequest(jsonString: json)
        #expect(request.page.size == 10 && request.page.token == "a b c")
        #expect(request.size == .large && request.labels == ["x", "y"])
        #expect(request.hasFragile && request.fragile == false && request.leastWorth == -3)
    }

    static let refused = [
        ("colour=red", "colour", "is not a parameter of this request"),
        ("page=1", "page", "is not a parameter of this request: name a field inside it"),
        ("page.colour=1", "page.colour", "is not a parameter of this request"),
        ("size.x=1", "size.x", "is not a parameter of this request"),
        ("page.size=ten", "page.size", "must be a whole number"),
        ("page.size=", "page.size", "must be a whole number"),
        ("page.size=-1", "page.size", "must be 0 to 100"),
        ("page.size=1&page.size=2", "page.size", "is given twice"),
        ("fragile=yes", "fragile", "must be true or false"),
        ("size=BIG", "size", "must be one of SIZE_SMALL, SIZE_LARGE"),
        ("least_worth=1e-3", "least_worth", "must be a whole number"),
        ("labels=%zz", "query", "is not percent-encoded UTF-8"),
    ]

    @Test("query: refuses invalid parameters by name", arguments: refused)
    func refuses(query: String, field: String, rule: String) {
        let fault = #expect(throws: Fault.self) { try bind(ListParcelsRequest.shape, rule: list, query: query) }
        #expect(fault?.violations == [FieldViolation(field: field, rule: rule)])
    }

    @Test(
        "path variables are merged with the body's fields",
        arguments: ["{\"shelf\":\"s\"}", " { \"shelf\" : \"s\" } "]
    )
    func path(_ body: String) throws {
        let request = try StoreParcelRequest(
            jsonString: try bind(StoreParcelRequest.shape, rule: store, variables: [id], body: body)
        )
        #expect(request.parcelID == "p\"1" && request.shelf == "s")
    }

    @Test("an empty body is an object without members", arguments: ["", "{}", " { } "])
    func empty(_ body: String) throws {
        let request = try StoreParcelRequest(
            jsonString: try bind(StoreParcelRequest.shape, rule: store, variables: [id], body: body)
        )
        #expect(request == StoreParcelRequest.with { $0.parcelID = "p\"1" })
    }

    @Test("refuses a body that repeats a path variable")
    func twice() {
        let fault = #expect(throws: Fault.self) {
            try bind(StoreParcelRequest.shape, rule: store, variables: [id], body: #"{"parcel_id":"p2"}"#)
        }
        #expect(fault?.violations == [FieldViolation(field: "parcel_id", rule: "is given by the path")])
    }

    @Test("the body fills one field, the query the others")
    func field() throws {
        let json = try bind(CreateParcelRequest.shape, rule: create, query: "dry=true", body: #"{"shelf":"s"}"#)
        let request = try CreateParcelRequest(jsonString: json)
        #expect(request.dry && request.parcel.shelf == "s")
    }

    @Test("a violation in the body has its path in the request")
    func prefix() {
        let fault = #expect(throws: Fault.self) {
            try bind(CreateParcelRequest.shape, rule: create, body: #"{"items":[{"quantity":true}]}"#)
        }
        #expect(fault?.violations.first?.field == "parcel.items[0].quantity")
    }

    @Test("refuses a query when the body is the whole request, and a body when the rule has none")
    func misplaced() {
        let query = #expect(throws: Fault.self) {
            try bind(StoreParcelRequest.shape, rule: store, variables: [id], query: "shelf=a")
        }
        #expect(query?.violations.first?.field == "shelf")
        let body = #expect(throws: Fault.self) { try bind(ListParcelsRequest.shape, rule: list, body: "{}") }
        #expect(body?.violations.first?.field == "body")
    }

    @Test("refuses more parameters than the limit")
    func limit() {
        let query = (0...RequestBinding.parametersLimit).map { "labels=\($0)" }.joined(separator: "&")
        #expect(throws: Fault.self) { try bind(ListParcelsRequest.shape, rule: list, query: query) }
    }
}
