"""What every field allows, as its error message says it, and as the type in its docstring does."""

import dataclasses
import inspect
import re

from declared import concrete_classes, documented, subclasses

from sklearn_ssl._parameters.hyperparameters import Hyperparameters

RANGES = {
    "a non-empty tuple of whole numbers at least 1": (
        "FCNEncoder.kernel_sizes InceptionEncoder.kernel_sizes ResNetEncoder.kernel_sizes"
    ),
    "a number": "FillMissing.fill_value",
    "a number above 0": (
        "GeneratedViewsTransformer.epsilon GeneratedViewsTransformer.temperature "
        "AdversarialTransformer.generator_lr_ratio AdversarialTransformer.lr TestTimeClassifier.test_lr "
        "ContrastiveEMPSSLTransformer.temperature Data2VecTransformer.beta "
        "CoSTTransformer.temperature Series2VecTransformer.gamma "
        "TSTCCTransformer.temperature TFCTransformer.temperature DiCOTTransformer.temperature "
        "TestTimeClassifier.test_lr ContrastiveEMPSSLTransformer.temperature Data2VecTransformer.beta "
        "DINOTransformer.student_temperature MaskedViewsTransformer.student_temperature "
        "MaskedViewsTransformer.teacher_temperature MaskedViewsTransformer.window_temperature "
        "DINOTransformer.teacher_temperature EncoderPredictor.lr IQRDetector.factor "
        "InstDiscTransformer.temperature JointClassifier.lr LiDARScorer.delta MagnitudeWarp.n_cycles "
        "MimCoTransformer.temperature MoCoTransformer.temperature MoCoV2Transformer.temperature "
        "MoCoV3Transformer.temperature SSLTransformer.lr SimCLRTransformer.temperature "
        "SimPerTransformer.temperature SimPerTransformer.label_temperature Smooth.sigma SpeedChange.slowest "
        "SpeedChange.fastest SwAVTransformer.temperature SwAVTransformer.epsilon TimeMCLTransformer.alpha "
        "TimeMCLTransformer.temperature WindowedTransformer.epsilon ZScoreDetector.threshold "
        "SimMTMTransformer.temperature"
    ),
    "a number above 0 and at most 1": (
        "TNCTransformer.window_ratio "
        "ContrastiveEMPSSLTransformer.window_ratio CropResize.min_ratio DINOTransformer.crop_ratio "
        "MaskedViewsTransformer.crop_ratio IJEPATransformer.context_ratio FineTuned.layer_decay "
        "JigsawTransformer.piece_ratio RandomCrop.min_ratio Smooth.alpha SwAVTransformer.crop_ratio "
        "WindowedTransformer.window_ratio"
    ),
    "a number above 0 and below 1": "EncoderPredictor.validation_fraction Masking.ratio",
    "a number above 0 or 'auto'": "ClosedFormTransformer.shrinkage",
    "a number above 0 or 'auto' or None": "FineTuned.shrinkage",
    "a number above 0 or None": "ClipOutliers.threshold EncoderPredictor.penalty",
    "a number at least 0": (
        "ContextEncoderTransformer.adversarial "
        "GeneratedViewsTransformer.view_weight GeneratedViews.spread "
        "AdversarialTransformer.penalty AdversarialTransformer.weight_decay SSGANTransformer.generator_weight "
        "SSGANTransformer.critic_weight "
        "TNCTransformer.distance TFCTransformer.margin "
        "TSTCCTransformer.temporal TSTCCTransformer.contextual TNCTransformer.neighborhood "
        "CoSTTransformer.seasonal LevelShift.sigma "
        "SoftCLTTransformer.instance_sharpness SoftCLTTransformer.temporal_sharpness TLossTransformer.negative_weight "
        "CroppedTransformer.weight_decay "
        "TimeVAETransformer.beta BarlowTwinsTransformer.redundancy EncoderPredictor.weight_decay "
        "FrequencyPerturbation.amplitude FrequencyPerturbation.phase Jitter.sigma JointClassifier.ssl_weight "
        "MagnitudeWarp.strength Mixup.alpha RandomNoise.strength RobustSSLClassifier.radius "
        "SSLTransformer.weight_decay Scaling.sigma TiCoTransformer.rho TimeStretch.strength TimeWarp.sigma "
        "UticaTransformer.koleo VICRegTiCoTransformer.invariance VICRegTiCoTransformer.variance "
        "VICRegTiCoTransformer.rho VICRegTransformer.invariance VICRegTransformer.variance "
        "VICRegTransformer.covariance WindowedTransformer.invariance Tokenizer.commitment "
        "PerceptualTokenizer.perceptual CAETransformer.alignment TimeMAETransformer.alignment"
    ),
    "a number at least 0 and at most 1": (
        "SoftCLTTransformer.similar TNCTransformer.similar TFCTransformer.share TFCTransformer.contrast "
        "CoSTTransformer.momentum CroppedTransformer.instance "
        "BYOLTransformer.momentum Blockout.ratio BootstrappedTransformer.momentum ChannelDropout.p "
        "Data2VecTransformer.final_momentum Data2VecTransformer.momentum DINOTransformer.center_momentum "
        "DINOTransformer.momentum DropCorrelated.threshold FrequencyMask.ratio "
        "MaskedViewsTransformer.center_momentum MaskedViewsTransformer.masked_share "
        "MaskedViewsTransformer.momentum IJEPATransformer.momentum LeJEPATransformer.normality "
        "QueuedTransformer.momentum RandomApply.p RandomFlip.p RandomSmoothing.strength SdAETransformer.momentum "
        "TiCoTransformer.beta TiCoTransformer.momentum TimeShift.ratio VICRegTiCoTransformer.beta "
        "WCCNTransformer.whitening WMSETransformer.shrinkage WindowWarp.ratio Tokenizer.decay "
        "TimeMAETransformer.momentum"
    ),
    "a number at least 0.01 and at most 1": "ContrastedTransformer.temperature",
    "a number at least 0 and at most 180": "Rotation.angle",
    "a number at least 0 and below 0.5": "CountedMasking.spread",
    "a number at least 0 and below 1": (
        "MinRedBuffer.momentum ZeroShotClassifier.novelty_level "
        "ColorizationTransformer.rebalancing "
        "CoSTTransformer.dropout SeasonTrendEncoder.dropout TNCTransformer.dropout DiCOTTransformer.overlap "
        "TCNEncoder.latent_mask CroppedTransformer.input_mask "
        "TestTimeClassifier.test_momentum GRUEncoder.dropout InstDiscTransformer.bank_momentum TCNEncoder.dropout "
        "AdversarialTransformer.smoothing "
        "TransformerEncoder.dropout ChannelTransformerEncoder.dropout TimeMAETransformer.label_smoothing"
    ),
    "a number at least 1": "WindowWarp.factor GeometricMasking.mean_length",
    "a number at least 1 or inf": "BlockMasking.mean_length",
    "a number, a text or None": (
        "EncoderClassifier.unlabelled LabelledScorer.unlabelled PretrainedClassifier.unlabelled"
    ),
    "a tuple of whole numbers at least 2": "TrendSeasonGenerator.periods",
    "a whole number at least 0": (
        "DINOTransformer.n_crops MaskedViewsTransformer.n_crops UticaTransformer.n_crops "
        "EncoderPredictor.max_epochs FineTuned.n_frozen FineTunedClassifier.n_neighbors MLPProjector.depth "
        "TrendSeasonGenerator.degree "
        "TestTimeClassifier.n_steps RocketEncoder.n_groups Smooth.polyorder SwAVTransformer.n_crops"
    ),
    "a whole number at least 0 and at most 30": "TCNEncoder.depth",
    "a whole number at least 0 or 'auto'": (
        "JointClassifier.max_epochs SSLTransformer.max_epochs StepFreeTransformer.max_epochs"
    ),
    "a whole number at least 0 or True or False": (
        "EncoderPredictor.verbose SSLTransformer.verbose StepFreeTransformer.verbose"
    ),
    "a whole number at least 1": (
        "ReplayTransformer.n_updates ReplayTransformer.stream_batch_size "
        "RetrievalScorer.n_neighbors AdversarialTransformer.n_noise StridedEncoder.depth StridedEncoder.width "
        "StridedEncoder.kernel_size "
        "GeneratedViews.n_candidates "
        "CoSTTransformer.width SeasonTrendEncoder.width SeasonTrendEncoder.length "
        "TSTCCTransformer.context_depth TNCTransformer.n_samples WindowPredictingTransformer.context_width "
        "TLossTransformer.n_negatives WindowPredictingTransformer.n_horizons "
        "TestTimeClassifier.n_copies TestTimeClassifier.test_batch_size BottleneckTransformer.width "
        "ConvGenerator.kernel_size TimeVAETransformer.width ClosedFormTransformer.n_views "
        "ClosedFormTransformer.n_components Data2VecTransformer.n_layers Decompose.window Decompose.level "
        "EncoderPredictor.n_iter_no_change FCNEncoder.width GRUEncoder.depth GRUEncoder.width "
        "InceptionEncoder.depth InceptionEncoder.width InceptionEncoder.bottleneck LeJEPATransformer.n_slices "
        "MLPProjector.width OutlierFiltered.min_cases Permutation.n_segments ResNetEncoder.depth "
        "ResNetEncoder.width Resample.length RobustSSLClassifier.n_attack_steps RocketEncoder.depth Smooth.window "
        "SwAVTransformer.iterations TCNEncoder.width TCNEncoder.n_features TCNEncoder.kernel_size "
        "TransformerEncoder.depth TransformerEncoder.width TransformerEncoder.n_heads "
        "TransformerEncoder.expansion ChannelTransformerEncoder.depth ChannelTransformerEncoder.width "
        "ChannelTransformerEncoder.n_heads ChannelTransformerEncoder.expansion RandomMasking.span "
        "SdAETransformer.decoder_depth SdAETransformer.decoder_width SdAETransformer.n_folds "
        "IJEPATransformer.n_blocks IJEPATransformer.decoder_depth IJEPATransformer.decoder_width "
        "ContextEncoderTransformer.kernel_size SimMTMTransformer.n_copies Tokenizer.code_width "
        "BEiTV2Transformer.aggregation_depth CAETransformer.decoder_depth RegressingTransformer.regressor_depth "
        "MaskedAutoencoderTransformer.decoder_depth MaskedAutoencoderTransformer.decoder_width"
    ),
    "a whole number at least 1 and at most 16": "CoSTTransformer.n_kernels SeasonTrendEncoder.n_kernels",
    "a whole number at least 1 and at most 256": "RocketEncoder.max_dilations",
    "a whole number at least 1 or 'auto'": (
        "WindowPredictingTransformer.window "
        "MaskedTransformer.window MaskedViewsTransformer.window SimMTMTransformer.window TSTTransformer.window "
        "Tokenizer.window"
    ),
    "a whole number at least 1 or None": (
        "EncoderPredictor.head_width EncoderPredictor.max_steps FillMissing.limit MLPProjector.output_width "
        "RocketEncoder.hidden SSLTransformer.max_steps Smooth.level StepFreeTransformer.max_steps"
    ),
    "a whole number at least 2": (
        "DiCOTTransformer.max_blocks CoSTTransformer.max_length Series2VecTransformer.max_length "
        "CroppedTransformer.max_length "
        "ReplayBuffer.size "
        "ConvGenerator.width ClosedFormTransformer.max_view_cases ClosedFormTransformer.sketch_size "
        "DINOTransformer.n_prototypes MaskedViewsTransformer.n_prototypes LeJEPATransformer.n_views "
        "LeJEPATransformer.n_knots LiDARScorer.n_views MagnitudeWarp.n_knots MultiViewTransformer.n_views "
        "SimPerTransformer.n_speeds TimeWarp.n_knots ViewScorer.n_views WindowedTransformer.n_windows "
        "Tokenizer.n_codes"
    ),
    "a whole number at least 2 and at most 256": "HiddenChannelTransformer.n_bins",
    "a whole number at least 2 and at most 7 or 'auto'": "JigsawTransformer.n_segments",
    "a whole number at least 2 or 'auto'": (
        "JigsawTransformer.n_permutations "
        "CroppedTransformer.batch_size CoSTTransformer.queue_size "
        "EncoderPredictor.batch_size JointClassifier.batch_size JointClassifier.labelled_batch_size "
        "QueuedTransformer.queue_size SSLTransformer.batch_size SimPerTransformer.batch_size "
        "StepFreeTransformer.batch_size SwAVTransformer.n_prototypes"
    ),
    "a whole number at least 2 or None": "Decompose.period LabelFreeScorer.max_cases WMSETransformer.sub_batch",
    "a whole number at least 3": "ClipOutliers.window",
    "a whole number at least 84": "RocketEncoder.n_features",
    "an object with `__call__`": (
        "GeneratedViewsTransformer.augmentation "
        "AdversarialTransformer.augmentation AutoencoderTransformer.corruption ClosedFormTransformer.augmentation "
        "FineTuned.augmentation "
        "CoSTTransformer.augmentation "
        "TSTCCTransformer.weak TSTCCTransformer.strong TFCTransformer.augmentation "
        "AutoencoderTransformer.corruption ClosedFormTransformer.augmentation FineTuned.augmentation "
        "JointClassifier.augmentation JointEmbeddingTransformer.augmentation MoCoV2Transformer.augmentation "
        "MultiViewTransformer.pair_loss SimPerTransformer.similarity SimPerTransformer.augmentation "
        "TimeMCLTransformer.augmentation PretextTransformer.augmentation RotationTransformer.augmentation "
        "HiddenChannelTransformer.augmentation"
    ),
    "an object with `all_of`": "RotationTransformer.transformations SSGANTransformer.transformations",
    "an object with `build`": (
        "CoSTTransformer.projector SeasonTrendEncoder.encoder CoSTTransformer.encoder "
        "Series2VecTransformer.projector "
        "TSTCCTransformer.projector TFCTransformer.projector "
        "MaxPooledTransformer.pooling "
        "PretextTransformer.projector "
        "BottleneckTransformer.generator TimeVAETransformer.generator TrendSeasonGenerator.residual "
        "AdversarialTransformer.generator "
        "BootstrappedTransformer.predictor GroupedEncoder.encoder "
        "ChannelIndependentEncoder.encoder DINOTransformer.projector "
        "EmbeddingTransformer.pooling JointEmbeddingTransformer.projector "
        "JointEmbeddingTransformer.training_pooling LeJEPATransformer.projector MoCoTransformer.projector "
        "MaskedViewsTransformer.projector MaskedViewsTransformer.training_pooling SimSiamTransformer.projector "
        "SimSiamTransformer.predictor PairedTransformer.projector PairedTransformer.text_projector "
        "WMSETransformer.projector SimMTMTransformer.projector"
    ),
    "an object with `fit`": (
        "EncoderPredictor.transformer FineTuned.transformer SSLClassifier.transformer MimCoTransformer.teacher "
        "ReplayTransformer.transformer "
        "TestTimeClassifier.transformer ZeroShotClassifier.transformer "
        "DistilledTokenizer.teacher PerceptualTokenizer.teacher"
    ),
    "an object with `hidden`": (
        "Data2VecTransformer.masking MaskedTransformer.masking MaskedViewsTransformer.masking "
        "UticaTransformer.masking IJEPATransformer.masking SdAETransformer.masking "
        "ContextEncoderTransformer.masking TSTTransformer.masking SimMTMTransformer.masking "
        "CodePredictingTransformer.masking CAETransformer.masking TimeMAETransformer.masking "
        "MaskedAutoencoderTransformer.masking"
    ),
    "an object with `kept`": "ReplayTransformer.buffer",
    "an object with `slowest`": "SimPerTransformer.speed",
    "an object with `tokenize`": (
        "BEiTTransformer.tokenizer BEiTV2Transformer.tokenizer PeCoTransformer.tokenizer "
        "RegressingTransformer.tokenizer"
    ),
    "one of 'all', 'last'": "Pooling.layers",
    "one of 'auto', 'float32', 'bf16'": "EmbeddingTransformer.precision PretrainedPredictor.precision",
    "one of 'auto', 'series', 'summary', 'flat'": "OutlierFiltered.features",
    "one of 'batch', 'layer', 'none'": "ConvolutionalEncoder.norm MLPProjector.norm",
    "one of 'circular', 'edge'": "TimeShift.mode",
    "one of 'clip', 'nan', 'interpolate'": "ClipOutliers.action",
    "one of 'error', 'encode'": "AsCollection.categorical",
    "one of 'error', 'first', 'mean'": "AsCollection.duplicates",
    "one of 'features', 'projections'": "LabelFreeScorer.space",
    "one of 'finetune', 'gradual', 'probe'": "FineTuned.mode TestTimeClassifier.mode",
    "one of 'float32', 'float64'": "PretrainedRegressor.target_type",
    "one of 'forward', 'linear', 'spline', 'constant', 'mean'": "FillMissing.method",
    "one of 'keep', 'fill'": "FillMissing.padding",
    "one of 'keep', 'update'": "FineTuned.norm_statistics",
    "one of 'moving_average', 'exponential', 'savgol', 'median', 'gaussian', 'wavelet'": "Smooth.method",
    "one of 'moving_average', 'stl', 'wavelet'": "Decompose.method",
    "one of 'non-saturating', 'hinge', 'minimax'": "AdversarialTransformer.objective",
    "one of 'none', 'batch', 'layer'": "TCNEncoder.norm",
    "one of 'none', 'window', 'channel'": (
        "MaskedAutoencoderTransformer.normalise OmniMAETransformer.normalise VideoMAETransformer.normalise"
    ),
    "one of 'reciprocal_rank', 'precision'": "RetrievalScorer.measure",
    "one of 'refit', 'keep'": "EncoderPredictor.pretrained",
    "one of 'sine', 'curve'": "MagnitudeWarp.kind",
    "one of 'std', 'mad'": "ZScoreDetector.spread",
    "one of 'time', 'rectangle'": "Blockout.kind",
    "one of 'time-last', 'channels-last'": "AsCollection.order",
    "one of 'together', 'apart'": "GeometricMasking.channels Masking.channels",
    "one of 'numba', 'torch'": "RocketEncoder.backend",
    "one of 'zscore', 'iqr', 'hampel'": "ClipOutliers.method",
    "one of 8, 1, 2, 4, 16, 32, 64": "TransformerEncoder.window ChannelTransformerEncoder.window",
    "one of False, True": (
        "ConvGenerator.noise_inputs GroupedEncoder.attended Decompose.robust EncoderPredictor.early_stopping "
        "EncoderPredictor.distributed SSLTransformer.distributed "
        "LabelFreeScorer.standardize "
        "OutlierFiltered.allow_lost_classes RocketEncoder.differences"
    ),
    "one of True, False": (
        "ClosedFormTransformer.incremental ContrastedTransformer.learn_temperature GRUEncoder.bidirectional "
        "RocketEncoder.standardise WCCNTransformer.rotated"
    ),
    "one of, or a non-empty tuple of different ones of, 'mean', 'max'": "ChannelIndependentEncoder.aggregation",
    "one of, or a non-empty tuple of different ones of, 'time', 'sign', 'channels', 'axes', 'shift'": (
        "NumberedTransformations.kinds"
    ),
    "one of, or a non-empty tuple of different ones of, 'ppv', 'mpv', 'mipv', 'lspv'": "RocketEncoder.poolings",
    "one of, or a non-empty tuple of, 'mean', 'max', 'std', 'ppv', 'last', 'attention'": "Pooling.statistics",
    "a whole number at least 0 and at most 20": "CroppedTransformer.temporal_unit",
}
POSITIONAL = {
    "ChannelIndependentEncoder.encoder",
    "EncoderPredictor.transformer",
    "FineTuned.transformer",
    "SSLClassifier.transformer",
    "LabelledScorer.scoring",
    "OutlierFiltered.estimator",
    "GeneratedViews.generator",
    "RandomApply.augmentation",
    "ReplayTransformer.transformer",
    "TestTimeClassifier.transformer",
    "Resample.length",
    "MaskedImputer.transformer",
    "WrappedTransformer.transformer",
    "ZeroShotClassifier.transformer",
    "GroupedEncoder.encoder",
    "SeasonTrendEncoder.encoder",
}


def declared_fields():
    """Yield every field with its full name, from the class that declares it."""
    for cls in set(subclasses(Hyperparameters)):
        if cls.__module__.startswith("sklearn_ssl."):
            for field in dataclasses.fields(cls):
                if field.name in inspect.get_annotations(cls):
                    yield f"{cls.__name__}.{field.name}", field


def range_of(field):
    """Return the words for what a field allows, None for anything."""
    needs = field.metadata.get("needs")
    return str(field.metadata["allowed"]) if "allowed" in field.metadata else needs and f"an object with `{needs}`"


def test_ranges_of_all_fields():
    expected = {name: words for words, names in RANGES.items() for name in names.split()}
    found = {name: words for name, field in declared_fields() if (words := range_of(field))}
    assert found == expected, "a new field needs its range above"


def test_fields_that_may_be_given_without_their_name():
    assert {name for name, field in declared_fields() if not field.kw_only} == POSITIONAL


def test_documented_types_are_those_that_are_allowed():
    n_numbers = 0
    for cls in concrete_classes():
        for field in dataclasses.fields(cls):
            entry, _ = documented(inspect.cleandoc(cls.__doc__), field.name)
            limit = field.metadata.get("allowed")
            if entry and hasattr(limit, "or_else"):
                kind = "int" if limit.integer else "float"
                others = {repr(other).strip("'") for other in limit.or_else}
                said = set(re.findall(r"int|float|None|auto|\binf\b", entry.split(", default")[0]))
                assert said == {kind, *others} - {"True", "False"}, f"{cls.__name__}: {entry}"
                n_numbers += 1
    assert n_numbers > 150
