import MartletContract
import MartletMessaging

extension TopicPlan {
    init(_ topic: ServedTopic) {
        self.init(topic.name, partitions: topic.partitions, retention: topic.retention)
    }
}
