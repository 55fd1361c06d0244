/// What a customer was shown and what the order would be instead, as texts for both.
struct UnmetExpectation: Sendable, Equatable {
    /// The field of the request.
    let field: String
    let expected: String
    let actual: String
}
