import HTTPTypes
import Synchronization

/// Headers that the response to a request gets whatever it is, also a problem.
///
/// Safe to share between tasks.
package final class AddedHeaders: Sendable {
    private let state = Mutex(HTTPFields())

    init() {}

    /// Sets a header; a later value replaces an earlier one.
    package func set(_ name: HeaderName, _ value: String) { state.withLock { $0[name] = value } }

    var fields: HTTPFields { state.withLock { $0 } }
}
