import MartletREST

extension GatewayOpenAPI {
    /// The documents as one, as JSON.
    ///
    /// - Throws: `Fault` with `internal` when a document is not a JSON object.
    static func joined() throws -> String {
        try JoinedOpenAPI.document(of: documents, description: description)
    }
}
