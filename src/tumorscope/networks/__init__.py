"""Network architectures, one file each, in a plain registry."""

from tumorscope.core.registry import Registry

#: Name → class taking ``in_channels``, ``out_channels`` and its own keyword arguments.
NETWORKS = Registry(
    "network",
    {
        "attention-resunet": "tumorscope.networks.attention_resunet:AttentionResUNet",
        "deeplabv3plus": "tumorscope.networks.deeplabv3plus:DeepLabV3Plus",
        "fpn": "tumorscope.networks.fpn:FPN",
        "resunet": "tumorscope.networks.resunet:ResUNet",
        "segresnet": "tumorscope.networks.segresnet:SegResNet",
        "unet": "tumorscope.networks.unet:UNet",
        "unet3d": "tumorscope.networks.unet3d:UNet3D",
        "unet-efficientnet": "tumorscope.networks.unet_efficientnet:UNetEfficientNet",
        "vnet": "tumorscope.networks.vnet:VNet",
    },
)

#: Networks that give one answer per picture: name → class with the same arguments as above.
CLASSIFIERS = Registry(
    "classification network",
    {
        "efficientnet-attention": "tumorscope.networks.efficientnet_attention:EfficientNetAttention",
        "efficientnet-classifier": "tumorscope.networks.efficientnet_classifier:EfficientNetClassifier",
        "resnet": "tumorscope.networks.resnet:ResNet",
        "vgg16": "tumorscope.networks.vgg16:VGG16",
    },
)

#: Networks that repair a spoilt image: name → class with the same arguments; they take what a degradation gives.
RESTORERS = Registry(
    "restoration network",
    {
        "cascade": "tumorscope.networks.cascade:Cascade",
        "restoration-unet": "tumorscope.networks.restoration_unet:RestorationUNet",
    },
)

#: Networks that make images: name → class with the same arguments, ``latent_shape`` and ``decode``.
GENERATORS = Registry(
    "generative network",
    {
        "autoencoder": "tumorscope.networks.autoencoder:Autoencoder",
        "gan-generator": "tumorscope.networks.gan_generator:GanGenerator",
        "spade-generator": "tumorscope.networks.spade_generator:SpadeGenerator",
    },
)
