import Foundation
import MartletContract
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("The OpenAPI document agrees with the server")
struct OpenAPIAgreementTests {
    private let components: [String: [String: Any]]

    init() throws {
        let tree = try JSONSerialization.jsonObject(with: Data(ParcelOpenAPI.document.utf8)) as? [String: Any]
        components = try #require(tree?["components"] as? [String: [String: Any]])
    }

    private func schema(_ name: String) throws -> [String: Any] {
        try #require(components["schemas"]?[name] as? [String: Any], "\(name)")
    }

    private func property(_ field: String, of name: String) throws -> [String: Any] {
        let properties = try #require(try schema(name)["properties"] as? [String: Any])
        return try #require(properties[field] as? [String: Any], "\(name).\(field)")
    }

    private func accepts(_ json: String) -> Bool {
        do { try JSONCheck.check(Array(json.utf8), against: Parcel.shape) } catch { return false }
        return true
    }

    @Test("a response has what its schema requires, and needs no rule of requests")
    func responses() throws {
        let written = try JSONSerialization.jsonObject(with: Data(Parcel().jsonBytes)) as? [String: Any]
        let required = try #require(try schema("testing.Parcel")["required"] as? [String])
        #expect(Set((written ?? [:]).keys) == Set(required))
        #expect(try schema("testing.Parcel")["additionalProperties"] == nil)
        for rule in ["minItems", "maxItems"] { #expect(try property("items", of: "testing.Parcel")[rule] == nil) }
        for rule in ["minLength", "maxLength"] { #expect(try property("name", of: "testing.Item")[rule] == nil) }
        #expect(try property("weight", of: "testing.Parcel")["type"] as? [String] == ["number", "null"])
    }

    @Test("a request has no unknown fields")
    func closed() throws {
        for name in ["testing.Parcel.Input", "testing.Item.Input", "testing.GetParcelRequest"] {
            #expect(try schema(name)["additionalProperties"] as? Bool == false)
        }
        #expect(!accepts(#"{"colour":1}"#))
    }

    @Test("null is an absent field of a request, where it may be absent")
    func null() throws {
        #expect(try property("shelf", of: "testing.Parcel.Input")["type"] as? [String] == ["string", "null"])
        #expect(try property("labels", of: "testing.Parcel.Input")["type"] as? [String] == ["array", "null"])
        #expect(try property("items", of: "testing.Parcel.Input")["type"] as? String == "array")
        #expect(try property("name", of: "testing.Item.Input")["type"] as? String == "string")
        #expect(accepts(#"{"shelf":null,"labels":null,"worth":null}"#))
        #expect(throws: (any Error).self) { try Parcel(jsonUTF8Bytes: Array(#"{"items":null}"#.utf8)).checkRules() }
    }

    @Test("a text has no U+0000, and no character limits where it may be empty")
    func texts() throws {
        #expect(try property("shelf", of: "testing.Parcel.Input")["pattern"] as? String == #"^[^\u0000]*$"#)
        #expect(!accepts(#"{"shelf":"a\u0000"}"#))
        let note = try property("note", of: "testing.Parcel.Input")
        #expect(note["pattern"] as? String == #"^(?:[^\u0000]{2,})?$"#)
        #expect(note["minLength"] == nil)
        #expect(note["maxLength"] as? Int == 5)
    }

    @Test(
        "a 64-bit number may be a string of digits that its limits allow",
        arguments: ["999999999", "0", "-5", "-10", "x"]
    )
    func digits(_ text: String) throws {
        let forms = try #require(try property("worth", of: "testing.Parcel.Input")["anyOf"] as? [[String: Any]])
        #expect(
            forms.map { $0["type"] as? String ?? "\($0["type"] as? [String] ?? [])" } == [
                #"["integer", "null"]"#, "string",
            ]
        )
        let pattern = try Regex(try #require(forms.last?["pattern"] as? String))
        guard text.contains(pattern) else { return }
        // What the document allows, the server accepts.
        #expect(accepts(#"{"worth":"\#(text)"}"#))
        let parcel = try Parcel(jsonUTF8Bytes: Array(#"{"worth":"\#(text)"}"#.utf8))
        #expect((-5...9_000_000_000).contains(parcel.worth))
    }

    @Test("a timeout has no maximum, a key only characters of a header")
    func headers() throws {
        let timeout = components["parameters"]?["RequestTimeout"] as? [String: Any]
        #expect((timeout?["schema"] as? [String: Any])?["maximum"] == nil)
        #expect((timeout?["description"] as? String)?.contains("counts as the limit") == true)
        let key = components["parameters"]?["IdempotencyKey"] as? [String: Any]
        #expect((key?["schema"] as? [String: Any])?["pattern"] as? String == "^[!-~]+$")
    }
}
