/// A key of one source, as one group sees it.
package struct InboxKeyName: Sendable {
    package let group: String
    package let topic: String
    package let key: String
    package let source: String

    package init(group: String, topic: String, key: String, source: String) {
        self.group = group
        self.topic = topic
        self.key = key
        self.source = source
    }
}
