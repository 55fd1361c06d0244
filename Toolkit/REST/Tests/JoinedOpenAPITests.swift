import Foundation
import MartletCore
import MartletREST
import MartletTestContract
import Testing

@Suite("Joined OpenAPI")
struct JoinedOpenAPITests {
    struct Document: Decodable, Equatable {
        struct Info: Decodable, Equatable {
            let title: String
            let version: String
            let description: String?
        }
        struct Tag: Decodable, Equatable {
            let name: String
        }
        struct Operation: Decodable, Equatable {
            let operationId: String
            let parameters: [[String: String]]?
        }
        struct Components: Decodable, Equatable {
            let schemas: [String: [String: String]]
        }
        let openapi: String
        let info: Info
        let servers: [[String: String]]?
        let tags: [Tag]?
        let paths: [String: [String: Operation]]
        let components: Components?
    }

    let letters = #"""
        {
          "openapi": "3.1.0",
          "info": {"title": "Letters", "version": "v2", "description": "Letters in boxes."},
          "servers": [{"url": "/"}],
          "tags": [{"name": "Letters"}],
          "paths": {
            "/v1/boxes": {"get": {"operationId": "Letters_ListBoxes", "parameters": [{"name": "size", "in": "query"}]}}
          },
          "components": {"schemas": {"letters.Letter": {"type": "object"}, "Problem": {"type": "object"}}}
        }
        """#
    let boxes = #"""
        {
          "openapi": "3.1.0",
          "info": {"title": "Boxes", "version": "v1", "description": "Boxes."},
          "servers": [{"url": "/"}],
          "tags": [{"name": "Boxes"}],
          "paths": {
            "/v1/boxes": {"post": {"operationId": "Boxes_CreateBox"}},
            "/v1/boxes/{box_id}": {"get": {"operationId": "Boxes_GetBox"}}
          },
          "components": {"schemas": {"boxes.Box": {"type": "object"}, "Problem": {"type": "object"}}}
        }
        """#

    private func read(_ document: String) throws -> Document {
        try JSONDecoder().decode(Document.self, from: Data(document.utf8))
    }

    @Test("has the paths, schemas and tags of all documents, and what they share once")
    func joined() throws {
        let joined = try read(try JoinedOpenAPI.document(of: [letters, boxes], description: "All."))
        #expect(joined.openapi == "3.1.0")
        #expect(joined.info == Document.Info(title: "Martlet", version: "v1", description: "All."))
        #expect(joined.servers == [["url": "/"]])
        #expect(joined.tags?.map(\.name) == ["Letters", "Boxes"])
        let list = Document.Operation(
            operationId: "Letters_ListBoxes",
            parameters: [["name": "size", "in": "query"]]
        )
        let create = Document.Operation(operationId: "Boxes_CreateBox", parameters: nil)
        let get = Document.Operation(operationId: "Boxes_GetBox", parameters: nil)
        #expect(joined.paths == ["/v1/boxes": ["get": list, "post": create], "/v1/boxes/{box_id}": ["get": get]])
        #expect(joined.components?.schemas.keys.sorted() == ["Problem", "boxes.Box", "letters.Letter"])
    }

    @Test("has no description when none is given")
    func noDescription() throws {
        let joined = try read(try JoinedOpenAPI.document(of: [letters, boxes], description: nil))
        #expect(joined.info == Document.Info(title: "Martlet", version: "v1", description: nil))
    }

    @Test("equal documents give equal bytes")
    func stable() throws {
        let documents = [letters, boxes, ParcelOpenAPI.document]
        let first = try JoinedOpenAPI.document(of: documents, description: nil)
        #expect(try JoinedOpenAPI.document(of: documents, description: nil) == first)
    }

    @Test("one document stays as it is; none is an empty document")
    func few() throws {
        #expect(try JoinedOpenAPI.document(of: [letters], description: nil) == letters)
        #expect(try read(try JoinedOpenAPI.document(of: [], description: nil)).paths.isEmpty)
    }

    @Test("a document that is not a JSON object is refused", arguments: ["", "[]", #"{"openapi":"#])
    func malformed(_ document: String) throws {
        let fault = try #require(throws: Fault.self) {
            try JoinedOpenAPI.document(of: [letters, document], description: nil)
        }
        #expect(fault.code == .internal)
    }
}
