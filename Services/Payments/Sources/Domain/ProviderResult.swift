/// The provider's response to one call.
enum ProviderResult: Sendable, Equatable {
    case done(ProviderView)
    /// The provider decided against it.
    case refused(String)
    /// The key replays a failure that the provider has stored; the step may still have happened.
    case storedFailure
}
