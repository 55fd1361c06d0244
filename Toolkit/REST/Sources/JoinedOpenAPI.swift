import Foundation
import MartletCore

/// Several OpenAPI documents as one: what a gateway or a process with several contracts serves at `/openapi.json`.
package enum JoinedOpenAPI {
    /// The joined document, as JSON with sorted keys; a single document stays as it is.
    ///
    /// - Parameters:
    ///   - documents: JSON objects of OpenAPI 3.1.
    ///   - description: Replaces the descriptions of the documents; `nil` for none.
    /// - Throws: `Fault` with `internal` when a document is not a JSON object.
    package static func document(of documents: [String], description: String?) throws -> String {
        guard documents.count > 1 else {
            return documents.first ?? #"{"openapi":"3.1.0","info":{"title":"Martlet","version":"v1"},"paths":{}}"#
        }
        let trees = try documents.map { try read($0) }
        var joined = trees[0]
        for tree in trees.dropFirst() { joined = merge(joined, tree) }
        var info = ["title": "Martlet", "version": "v1"]
        info["description"] = description
        joined["info"] = info
        let data = try JSONSerialization.data(withJSONObject: joined, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }

    private static func read(_ document: String) throws -> [String: Any] {
        guard let tree = try? JSONSerialization.jsonObject(with: Data(document.utf8)) as? [String: Any] else {
            throw Fault(.internal, .internal, "an OpenAPI document is not a JSON object")
        }
        return tree
    }

    /// Merges objects by member and appends tags; of anything else the first value stays.
    private static func merge(_ left: [String: Any], _ right: [String: Any]) -> [String: Any] {
        left.merging(right) { left, right in
            if let left = left as? [String: Any], let right = right as? [String: Any] { return merge(left, right) }
            if let left = left as? [[String: Any]], let right = right as? [[String: Any]],
                right.first?["name"] != nil, left.first?["in"] == nil
            {
                return left + right
            }
            return left
        }
    }
}
